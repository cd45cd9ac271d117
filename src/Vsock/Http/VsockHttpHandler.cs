namespace NitroEnclaves.Vsock;

/// <summary>
/// Lets an <see cref="HttpClient"/> talk HTTP over vsock, to real and emulated enclaves alike. Addresses are <c>vsock://16:8080/path</c>, or
/// <c>http://16.vsock:8080/path</c> and <c>https://16.vsock:8080/path</c>; a port above 65535 is written in front, as in
/// <c>http://70000.16.vsock/path</c>, and the parent is <c>parent.vsock</c>.
/// </summary>
/// <remarks>
/// Connections are pooled by <see cref="SocketsHttpHandler"/>, so HTTP/1.1, HTTP/2 and WebSockets work as over TCP. Other hosts are refused:
/// this handler never reaches a network.
/// </remarks>
public sealed class VsockHttpHandler : DelegatingHandler
{
    /// <summary>Makes a handler.</summary>
    /// <param name="connector">Makes the connections; null for the kernel's vsock with default time-outs.</param>
    public VsockHttpHandler(VsockConnector? connector = null)
        : base(CreateSocketsHandler(connector))
    {
    }

    /// <summary>
    /// The inner handler alone, for callers that set its limits themselves; it takes <c>http</c> and <c>https</c> addresses of
    /// <c>.vsock</c> hosts only.
    /// </summary>
    /// <param name="connector">Makes the connections; null for the kernel's vsock with default time-outs.</param>
    public static SocketsHttpHandler CreateSocketsHandler(VsockConnector? connector = null)
    {
        connector ??= VsockConnector.Default;
        return new SocketsHttpHandler
        {
            UseProxy = false,
            ConnectCallback = async (context, cancellationToken) =>
            {
                var connection = await connector.ConnectAsync(VsockHost.Parse(context.DnsEndPoint), cancellationToken).ConfigureAwait(false);
                return connection.Stream;
            },
        };
    }

    /// <inheritdoc/>
    protected override Task<HttpResponseMessage> SendAsync(HttpRequestMessage request, CancellationToken cancellationToken)
    {
        ArgumentNullException.ThrowIfNull(request);
        request.RequestUri = VsockHost.ToHttp(request.RequestUri);
        return base.SendAsync(request, cancellationToken);
    }

    /// <inheritdoc/>
    protected override HttpResponseMessage Send(HttpRequestMessage request, CancellationToken cancellationToken) =>
        throw new NotSupportedException("Requests over vsock are asynchronous.");
}
