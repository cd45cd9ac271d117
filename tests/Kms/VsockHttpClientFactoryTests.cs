using System.Net.Security;
using System.Net.Sockets;
using System.Security.Authentication;
using System.Security.Cryptography;
using System.Security.Cryptography.X509Certificates;
using System.Text;
using Amazon;
using Amazon.KeyManagementService;
using Amazon.KeyManagementService.Model;
using Amazon.Runtime;
using NitroEnclaves.Vsock;

namespace NitroEnclaves.Kms.Tests;

/// <summary>
/// The way to AWS: through a proxy of the parent, with TLS to the service's own name. A parent that answers in KMS's place is found out.
/// </summary>
public sealed class VsockHttpClientFactoryTests : IDisposable
{
    const string Host = "kms.eu-central-1.amazonaws.com";

    readonly string _folder = Directory.CreateTempSubdirectory("kms-tls-").FullName;

    static CancellationToken Token => TestContext.Current.CancellationToken;

    string Proxy => Path.Combine(_folder, "vsock");

    public void Dispose() => Directory.Delete(_folder, recursive: true);

    [Fact]
    public async Task A_parent_with_a_certificate_of_its_own_making_is_not_taken_for_KMS()
    {
        using var listener = new Socket(AddressFamily.Unix, SocketType.Stream, ProtocolType.Unspecified);
        listener.Bind(new UnixDomainSocketEndPoint(Proxy));
        listener.Listen();
        var asked = ImpersonateAsync(listener);

        using var client = new AmazonKeyManagementServiceClient(
            new BasicAWSCredentials("AKIATEST", "secret"),
            new AmazonKeyManagementServiceConfig
            {
                RegionEndpoint = RegionEndpoint.EUCentral1,
                MaxErrorRetry = 0,
                HttpClientFactory = new VsockHttpClientFactory(
                    new VsockEndPoint(VsockAddress.NitroParent, 8000), new VsockConnector(new VsockOptions { Resolvers = [new Parent(Proxy)] })),
            });
        var exception = await Assert.ThrowsAnyAsync<Exception>(() => client.ListKeysAsync(new ListKeysRequest(), Token));
        Assert.Contains(Causes(exception), cause => cause is AuthenticationException);

        // The proxy was asked for the port; TLS, before anything else was said, for the service's own name.
        Assert.Equal(("CONNECT 8000", Host), await asked);
    }

    static async Task<(string Connect, string? ServerName)> ImpersonateAsync(Socket listener)
    {
        using var socket = await listener.AcceptAsync(Token);
        await using var stream = new NetworkStream(socket);
        var request = new StringBuilder();
        var next = new byte[1];
        while (await stream.ReadAsync(next, Token) == 1 && next[0] != '\n')
        {
            request.Append((char)next[0]);
        }

        await stream.WriteAsync("OK 1073741824\n"u8.ToArray(), Token);
        using var certificate = SelfSigned();
        string? serverName = null;
        await using var tls = new SslStream(stream);
        try
        {
            await tls.AuthenticateAsServerAsync(
                new SslServerAuthenticationOptions
                {
                    ServerCertificateSelectionCallback = (_, name) =>
                    {
                        serverName = name;
                        return certificate;
                    },
                },
                Token);
            _ = await tls.ReadAsync(next, Token);
        }
        catch (Exception exception) when (exception is IOException or AuthenticationException)
        {
            // The client turned away.
        }

        return (request.ToString(), serverName);
    }

    static X509Certificate2 SelfSigned()
    {
        using var key = RSA.Create(2048);
        var request = new CertificateRequest($"CN={Host}", key, HashAlgorithmName.SHA256, RSASignaturePadding.Pkcs1);
        var names = new SubjectAlternativeNameBuilder();
        names.AddDnsName(Host);
        request.CertificateExtensions.Add(names.Build());
        using var certificate = request.CreateSelfSigned(DateTimeOffset.UtcNow.AddDays(-1), DateTimeOffset.UtcNow.AddDays(1));
        return X509CertificateLoader.LoadPkcs12(certificate.Export(X509ContentType.Pkcs12), null);
    }

    static IEnumerable<Exception> Causes(Exception? exception)
    {
        for (; exception is not null; exception = exception.InnerException)
        {
            yield return exception;
        }
    }

    sealed class Parent(string path) : IVsockResolver
    {
        public VsockRoute? Resolve(uint cid) => VsockRoute.UnixSocket(path);

        public VsockRoute? ResolveListener() => null;
    }
}
