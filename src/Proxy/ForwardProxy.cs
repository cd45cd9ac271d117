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
        : this(target, options, isVouchedFor: false)
    {
    }

    ForwardProxy(ProxyTarget target, ProxyOptions options, bool isVouchedFor)
    {
        ArgumentNullException.ThrowIfNull(target);
        ArgumentNullException.ThrowIfNull(options);
        options.Validate();
        if (!isVouchedFor && !options.Allowlist.Allows(target))
        {
            throw new ArgumentException($"{target} is not on the allowlist.", nameof(target));
        }

        (_target, _options, _dialer) = (target, options, new ServerDialer(options, isVouchedFor: true));
    }

    /// <summary>
    /// Makes a proxy as AWS's does: the server is on the allowlist by what it is called, or by an entry that leads to the same address now.
    /// </summary>
    /// <param name="target">The server. It is resolved anew for every connection.</param>
    /// <param name="options">The allowlist and limits.</param>
    /// <param name="cancellationToken">Gives the resolving up.</param>
    /// <returns>The proxy; null where the server is not on the allowlist.</returns>
    /// <exception cref="ArgumentOutOfRangeException">A time-out is not above zero.</exception>
    public static async Task<ForwardProxy?> CreateAsync(ProxyTarget target, ProxyOptions options, CancellationToken cancellationToken = default)
    {
        ArgumentNullException.ThrowIfNull(target);
        ArgumentNullException.ThrowIfNull(options);
        return options.Allowlist.Allows(target) || await options.Allowlist.AllowsAddressAsync(target, options.ResolveAsync, cancellationToken).ConfigureAwait(false)
            ? new ForwardProxy(target, options, isVouchedFor: true)
            : null;
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
