using System.Runtime.InteropServices;
using Attester;
using NitroEnclaves.Nsm;
using NitroEnclaves.Vsock;

const uint Port = 5000;

using var nsm = NsmClient.Open();
await using var listener = VsockListener.Listen(Port);
using var stopping = new CancellationTokenSource();
using var terminate = PosixSignalRegistration.Create(PosixSignal.SIGTERM, signal =>
{
    signal.Cancel = true;
    stopping.Cancel();
});

Console.WriteLine($"Attester of {nsm.DescribeNsm().ModuleId} answers at {listener.LocalEndPoint}");
var service = new GreetingService(nsm);
while (!stopping.IsCancellationRequested)
{
    try
    {
        // Each connection is served in a task of its own: a slow client delays nobody. The listener bounds their number.
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
