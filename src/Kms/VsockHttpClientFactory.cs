using Amazon.Runtime;
using NitroEnclaves.Vsock;

namespace NitroEnclaves.Kms;

/// <summary>
/// Has the AWS SDK reach its services through one vsock address, whatever their host name: in an enclave, a proxy on the parent that passes
/// bytes on. TLS is between this program and the service, with the service's own name: the proxy sees neither requests nor answers.
/// </summary>
/// <example>
/// <code>
/// var kms = new AmazonKeyManagementServiceClient(credentials, new AmazonKeyManagementServiceConfig
/// {
///     RegionEndpoint = RegionEndpoint.EUCentral1,
///     HttpClientFactory = new VsockHttpClientFactory(new VsockEndPoint(VsockAddress.NitroParent, 8000)),
/// });
/// </code>
/// </example>
public sealed class VsockHttpClientFactory : HttpClientFactory
{
    readonly VsockEndPoint _proxy;
    readonly VsockConnector _connector;

    /// <summary>Makes a factory.</summary>
    /// <param name="proxy">Where the proxy, or an emulator, listens.</param>
    /// <param name="connector">Makes the connections; null for the kernel's vsock with default time-outs.</param>
    public VsockHttpClientFactory(VsockEndPoint proxy, VsockConnector? connector = null)
    {
        ArgumentNullException.ThrowIfNull(proxy);
        _proxy = proxy;
        _connector = connector ?? VsockConnector.Default;
    }

    /// <summary>Makes the SDK a client. The SDK keeps it.</summary>
    /// <param name="clientConfig">The SDK's configuration; its time-out is taken over.</param>
    public override HttpClient CreateHttpClient(IClientConfig clientConfig)
    {
        ArgumentNullException.ThrowIfNull(clientConfig);
        var handler = new SocketsHttpHandler
        {
            UseProxy = false,
            UseCookies = false,
            AllowAutoRedirect = false,
            ConnectCallback = async (_, cancellationToken) =>
            {
                var connection = await _connector.ConnectAsync(_proxy, cancellationToken).ConfigureAwait(false);
                return connection.Stream;
            },
        };
        var client = new HttpClient(handler, disposeHandler: true);
        if (clientConfig.Timeout is { } timeout)
        {
            client.Timeout = timeout;
        }

        return client;
    }
}
