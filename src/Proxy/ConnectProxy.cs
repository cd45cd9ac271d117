using System.Net;
using System.Net.Sockets;
using System.Text;
using NitroEnclaves.Vsock;

namespace NitroEnclaves.Proxy;

/// <summary>
/// The parent's end of an enclave's way to the internet: accepts vsock connections, reads a CONNECT request, holds it against an allowlist,
/// and passes bytes between the enclave and the server until both have ended. What passes is TLS between those two; the proxy has no keys.
/// </summary>
public sealed class ConnectProxy
{
    readonly ConnectProxyOptions _options;

    /// <summary>Makes a proxy.</summary>
    /// <exception cref="ArgumentOutOfRangeException">A time-out is not above zero.</exception>
    public ConnectProxy(ConnectProxyOptions options)
    {
        ArgumentNullException.ThrowIfNull(options);
        _options = options.Validated();
    }

    /// <summary>
    /// Serves the connections of a listener until cancelled, each in a task of its own. Their number is bounded by the listener's
    /// <see cref="VsockOptions.MaxConnections"/>; its read and write time-outs should be infinite, as the proxy has its own.
    /// </summary>
    public async Task ServeAsync(VsockListener listener, CancellationToken cancellationToken)
    {
        ArgumentNullException.ThrowIfNull(listener);
        try
        {
            while (true)
            {
                _ = ServeAsync(await listener.AcceptAsync(cancellationToken).ConfigureAwait(false), cancellationToken);
            }
        }
        catch (OperationCanceledException) when (cancellationToken.IsCancellationRequested)
        {
            // The orderly end.
        }
    }

    /// <summary>Serves one connection to its end; takes it over and never throws at a peer's doing.</summary>
    public async Task ServeAsync(VsockConnection connection, CancellationToken cancellationToken = default)
    {
        ArgumentNullException.ThrowIfNull(connection);
        using (connection)
        {
            try
            {
                var (target, early) = await ReadRequestAsync(connection, cancellationToken).ConfigureAwait(false);
                if (target is not null && await ConnectAsync(connection, target, cancellationToken).ConfigureAwait(false) is { } server)
                {
                    using (server)
                    {
                        await AnswerAsync(connection, "200 Connection established", cancellationToken).ConfigureAwait(false);
                        await server.SendAsync(early, cancellationToken).ConfigureAwait(false);
                        await new ProxyRelay(connection, server, _options.IdleTimeout).RunAsync(cancellationToken).ConfigureAwait(false);
                    }

                    Log(connection, $"{target}: ended");
                }
            }
            catch (Exception exception) when (exception is IOException or SocketException or OperationCanceledException or ObjectDisposedException)
            {
                // One of the two is gone, or took too long: the other is closed with it.
                Log(connection, exception is OperationCanceledException ? "time-out" : exception.Message);
            }
        }
    }

    async Task<(ProxyTarget? Target, ReadOnlyMemory<byte> Early)> ReadRequestAsync(VsockConnection connection, CancellationToken cancellationToken)
    {
        using var limit = CancellationTokenSource.CreateLinkedTokenSource(cancellationToken);
        limit.CancelAfter(_options.RequestTimeout);
        var head = new byte[ConnectRequest.MaxLength];
        var length = 0;
        int end;
        while ((end = ConnectRequest.FindEnd(head.AsSpan(0, length))) < 0)
        {
            if (length == head.Length)
            {
                await RefuseAsync(connection, "431 Request Header Fields Too Large", "a request without end", cancellationToken).ConfigureAwait(false);
                return default;
            }

            var read = await connection.Stream.ReadAsync(head.AsMemory(length), limit.Token).ConfigureAwait(false);
            if (read == 0)
            {
                return default;
            }

            length += read;
        }

        switch (ConnectRequest.Parse(head.AsSpan(0, end), out var target))
        {
            case ConnectRequestOutcome.Malformed:
                await RefuseAsync(connection, "400 Bad Request", "no CONNECT request", cancellationToken).ConfigureAwait(false);
                return default;
            case ConnectRequestOutcome.OtherMethod:
                await RefuseAsync(connection, "405 Method Not Allowed", "a method that is not CONNECT", cancellationToken).ConfigureAwait(false);
                return default;
            default:
                return (target, head.AsMemory(end, length - end));
        }
    }

    async Task<Socket?> ConnectAsync(VsockConnection connection, ProxyTarget target, CancellationToken cancellationToken)
    {
        if (!_options.Allowlist.Allows(target))
        {
            await RefuseAsync(connection, "403 Not on the allowlist", $"{target}: not on the allowlist", cancellationToken).ConfigureAwait(false);
            return null;
        }

        using var limit = CancellationTokenSource.CreateLinkedTokenSource(cancellationToken);
        limit.CancelAfter(_options.ConnectTimeout);
        try
        {
            var addresses = target.Address is { } address ? [address] : await ResolveAsync(target.Host, limit.Token).ConfigureAwait(false);
            foreach (var candidate in addresses.Where(candidate => target.Address is not null || _options.Allowlist.AllowsResolved(target, candidate)))
            {
                if (await TryConnectAsync(new IPEndPoint(candidate, target.Port), limit.Token).ConfigureAwait(false) is { } server)
                {
                    return server;
                }
            }

            await RefuseAsync(connection, "502 Bad Gateway", $"{target}: nobody answers at any allowed address", cancellationToken).ConfigureAwait(false);
        }
        catch (SocketException exception)
        {
            await RefuseAsync(connection, "502 Bad Gateway", $"{target}: {exception.Message}", cancellationToken).ConfigureAwait(false);
        }
        catch (OperationCanceledException) when (!cancellationToken.IsCancellationRequested)
        {
            await RefuseAsync(connection, "504 Gateway Timeout", $"{target}: time-out", cancellationToken).ConfigureAwait(false);
        }

        return null;
    }

    Task<IPAddress[]> ResolveAsync(string host, CancellationToken cancellationToken) =>
        _options.Resolve?.Invoke(host, cancellationToken) ?? Dns.GetHostAddressesAsync(host, cancellationToken);

    static async Task<Socket?> TryConnectAsync(IPEndPoint address, CancellationToken cancellationToken)
    {
        var socket = new Socket(address.AddressFamily, SocketType.Stream, ProtocolType.Tcp) { NoDelay = true };
        try
        {
            await socket.ConnectAsync(address, cancellationToken).ConfigureAwait(false);
            return socket;
        }
        catch (SocketException)
        {
            socket.Dispose();
            return null;
        }
        catch
        {
            socket.Dispose();
            throw;
        }
    }

    async Task RefuseAsync(VsockConnection connection, string status, string reason, CancellationToken cancellationToken)
    {
        Log(connection, reason);
        await AnswerAsync(connection, status, cancellationToken, "Content-Length: 0\r\nConnection: close\r\n").ConfigureAwait(false);
        connection.CompleteWrites();
    }

    static async Task AnswerAsync(VsockConnection connection, string status, CancellationToken cancellationToken, string headers = "") =>
        await connection.Stream.WriteAsync(Encoding.ASCII.GetBytes($"HTTP/1.1 {status}\r\n{headers}\r\n"), cancellationToken).ConfigureAwait(false);

    void Log(VsockConnection connection, string what) => _options.Log?.Invoke($"{connection.RemoteEndPoint}: {what}");
}
