using System.Net;
using System.Net.Sockets;

namespace NitroEnclaves.Proxy;

/// <summary>Reaches servers by name or address, so far as the allowlist lets it.</summary>
sealed class ServerDialer(ProxyOptions options)
{
    /// <summary>Connects to a server at the first of its addresses that answers.</summary>
    /// <returns>What became of it, the connection if there is one, and a sentence for the log if there is none.</returns>
    /// <exception cref="OperationCanceledException">The token was cancelled.</exception>
    public async Task<(ServerDialOutcome Outcome, Socket? Server, string Explanation)> ConnectAsync(ProxyTarget target, CancellationToken cancellationToken)
    {
        if (!options.Allowlist.Allows(target))
        {
            return (ServerDialOutcome.NotAllowed, null, $"{target}: not on the allowlist");
        }

        using var limit = CancellationTokenSource.CreateLinkedTokenSource(cancellationToken);
        limit.CancelAfter(options.ConnectTimeout);
        try
        {
            foreach (var candidate in await ResolveAsync(target, limit.Token).ConfigureAwait(false))
            {
                if ((target.Address is not null || options.Allowlist.AllowsResolved(target, candidate))
                    && await TryConnectAsync(new IPEndPoint(candidate, target.Port), limit.Token).ConfigureAwait(false) is { } server)
                {
                    return (ServerDialOutcome.Connected, server, "");
                }
            }

            return (ServerDialOutcome.Unreachable, null, $"{target}: nobody answers at any allowed address");
        }
        catch (SocketException exception)
        {
            return (ServerDialOutcome.Unreachable, null, $"{target}: {exception.Message}");
        }
        catch (OperationCanceledException) when (!cancellationToken.IsCancellationRequested)
        {
            return (ServerDialOutcome.TimedOut, null, $"{target}: time-out");
        }
    }

    /// <summary>The addresses of a server, of the family that the options want, in the resolver's order.</summary>
    /// <exception cref="SocketException">The name has none.</exception>
    public async Task<IEnumerable<IPAddress>> ResolveAsync(ProxyTarget target, CancellationToken cancellationToken)
    {
        IPAddress[] all = target.Address is { } address ? [address]
            : await (options.Resolve?.Invoke(target.Host, cancellationToken) ?? Dns.GetHostAddressesAsync(target.Host, cancellationToken)).ConfigureAwait(false);
        return all.Where(address => options.AddressFamily == AddressFamily.Unspecified || address.AddressFamily == options.AddressFamily);
    }

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
}
