using System.Runtime.InteropServices;
using Amazon;
using Amazon.KeyManagementService;
using KmsSecret;
using NitroEnclaves.Kms;
using NitroEnclaves.Nsm;
using NitroEnclaves.Vsock;

const uint Port = 5000;
const uint KmsProxyPort = 8000;

// The variables are part of the image, and so of PCR0: the parent cannot make this program leave out TLS.
var emulator = Environment.GetEnvironmentVariable("KMS_EMULATOR");
var configuration = new AmazonKeyManagementServiceConfig
{
    HttpClientFactory = new VsockHttpClientFactory(new VsockEndPoint(VsockAddress.NitroParent, KmsProxyPort)),
    MaxErrorRetry = 2,
};
if (emulator is null)
{
    configuration.RegionEndpoint = RegionEndpoint.GetBySystemName(Environment.GetEnvironmentVariable("AWS_REGION") ?? "eu-central-1");
}
else
{
    configuration.ServiceURL = emulator;
    configuration.AuthenticationRegion = "local-1";
}

using var nsm = NsmClient.Open();
await using var listener = VsockListener.Listen(Port);
using var stopping = new CancellationTokenSource();
using var terminate = PosixSignalRegistration.Create(PosixSignal.SIGTERM, signal =>
{
    signal.Cancel = true;
    stopping.Cancel();
});

Console.WriteLine($"KmsSecret of {nsm.DescribeNsm().ModuleId} answers at {listener.LocalEndPoint}");
var service = new SecretService(nsm, configuration, new KmsRecipientOptions { AllowPlainHttp = emulator is not null });
while (!stopping.IsCancellationRequested)
{
    try
    {
        var connection = await listener.AcceptAsync(stopping.Token);
        _ = ServeAsync(connection);
    }
    catch (OperationCanceledException)
    {
        break;
    }
    catch (VsockException exception)
    {
        Console.Error.WriteLine(exception.Message);
        await Task.Delay(TimeSpan.FromMilliseconds(100));
    }
}

async Task ServeAsync(VsockConnection connection)
{
    await using (connection)
    {
        try
        {
            await service.ServeAsync(connection.Stream, stopping.Token);
        }
        catch (Exception exception) when (exception is IOException or OperationCanceledException)
        {
            // The client went away, or the enclave is about to end.
        }
        catch (Exception exception)
        {
            Console.Error.WriteLine(exception);
        }
    }
}
