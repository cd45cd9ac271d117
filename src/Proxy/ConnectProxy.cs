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
    readonly ServerDialer _dialer;

    /// <summary>Makes a proxy.</summary>
    /// <exception cref="ArgumentOutOfRangeException">A time-out is not above zero.</exception>
    public ConnectProxy(ConnectProxyOptions options)
    {
        ArgumentNullException.ThrowIfNull(options);
        options.Validate();
        (_options, _dialer) = (options, new ServerDialer(options));
    }

    /// <summary>
    /// Serves the connections of a listener until cancelled, each in a task of its own, and for
    /// <see cref="ProxyOptions.DrainTimeout"/> those that are open then. Their number is bounded by the listener's
    /// <see cref="VsockOptions.MaxConnections"/>; its read and write time-outs should be infinite, as the proxy has its own.
    /// </summary>
    public Task ServeAsync(VsockListener listener, CancellationToken cancellationToken)
    {
        ArgumentNullException.ThrowIfNull(listener);
        return ProxyListening.ServeAsync(listener, ServeAsync, _options, cancellationToken);
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
            catch (Exception exception) when (ProxyListening.IsOfPeers(exception))
            {
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
        var (outcome, server, explanation) = await _dialer.ConnectAsync(target, cancellationToken).ConfigureAwait(false);
        if (server is null)
        {
            await RefuseAsync(connection, Status(outcome), explanation, cancellationToken).ConfigureAwait(false);
        }

        return server;
    }

    static string Status(ServerDialOutcome outcome) => outcome switch
    {
        ServerDialOutcome.NotAllowed => "403 Not on the allowlist",
        ServerDialOutcome.TimedOut => "504 Gateway Timeout",
        _ => "502 Bad Gateway",
    };

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
