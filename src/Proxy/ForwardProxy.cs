using System.Net.Sockets;
using NitroEnclaves.Vsock;

namespace NitroEnclaves.Proxy;

/// <summary>
/// Leads every connection of an enclave to one server, as AWS's <c>vsock-proxy</c> does (eif-and-nitro-cli 3.9): the enclave need not say
/// where it wants to go. Unlike there a connection waits for no other, each direction ends on its own, and no server can stall it for ever.
/// </summary>
public sealed class ForwardProxy
{
    readonly ProxyTarget _target;
    readonly ProxyOptions _options;
    readonly ServerDialer _dialer;

    /// <summary>Makes a proxy.</summary>
    /// <param name="target">The server. It is resolved anew for every connection.</param>
    /// <param name="options">The allowlist, on which the server has to be, and limits.</param>
    /// <exception cref="ArgumentOutOfRangeException">A time-out is not above zero.</exception>
    /// <exception cref="ArgumentException">The server is not on the allowlist.</exception>
    public ForwardProxy(ProxyTarget target, ProxyOptions options)
    {
        ArgumentNullException.ThrowIfNull(target);
        ArgumentNullException.ThrowIfNull(options);
        options.Validate();
        if (!options.Allowlist.Allows(target))
        {
            throw new ArgumentException($"{target} is not on the allowlist.", nameof(target));
        }

        (_target, _options, _dialer) = (target, options, new ServerDialer(options));
    }

    /// <summary>
    /// Serves the connections of a listener until cancelled, each in a task of its own. Their number is bounded by the listener's
    /// <see cref="VsockOptions.MaxConnections"/>; its read and write time-outs should be infinite, as the proxy has its own.
    /// </summary>
    public Task ServeAsync(VsockListener listener, CancellationToken cancellationToken)
    {
        ArgumentNullException.ThrowIfNull(listener);
        return ProxyListening.ServeAsync(listener, ServeAsync, cancellationToken);
    }

    /// <summary>Serves one connection to its end; takes it over and never throws at a peer's doing.</summary>
    public async Task ServeAsync(VsockConnection connection, CancellationToken cancellationToken = default)
    {
        ArgumentNullException.ThrowIfNull(connection);
        using (connection)
        {
            try
            {
                var (_, server, explanation) = await _dialer.ConnectAsync(_target, cancellationToken).ConfigureAwait(false);
                if (server is null)
                {
                    Log(connection, explanation);
                    return;
                }

                using (server)
                {
                    await new ProxyRelay(connection, server, _options.IdleTimeout).RunAsync(cancellationToken).ConfigureAwait(false);
                }

                Log(connection, $"{_target}: ended");
            }
            catch (Exception exception) when (ProxyListening.IsOfPeers(exception))
            {
                Log(connection, exception is OperationCanceledException ? "time-out" : exception.Message);
            }
        }
    }

    void Log(VsockConnection connection, string what) => _options.Log?.Invoke($"{connection.RemoteEndPoint}: {what}");
}
