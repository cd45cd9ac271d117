using System.Net;
using System.Net.Sockets;

namespace NitroEnclaves.Proxy;

/// <summary>Reaches servers by name or address, so far as the allowlist lets it.</summary>
/// <param name="options">The allowlist and limits.</param>
/// <param name="isVouchedFor">Whether all servers that are asked for have been found on the allowlist already.</param>
sealed class ServerDialer(ProxyOptions options, bool isVouchedFor = false)
{
    // A server that is gone without a word is noticed within two minutes.
    const int KeepAliveSeconds = 60;
    const int KeepAliveIntervalSeconds = 15;
    const int KeepAliveRetries = 4;

    /// <summary>Connects to a server at the first of its addresses that answers; one that does not answer at all holds the next up for a moment only.</summary>
    /// <returns>What became of it, the connection if there is one, and a sentence for the log if there is none.</returns>
    /// <exception cref="OperationCanceledException">The token was cancelled.</exception>
    public async Task<(ServerDialOutcome Outcome, Socket? Server, string Explanation)> ConnectAsync(ProxyTarget target, CancellationToken cancellationToken)
    {
        var allowlist = options.AllowlistNow;
        if (!isVouchedFor && !allowlist.Allows(target))
        {
            return (ServerDialOutcome.NotAllowed, null, $"{target}: not on the allowlist");
        }

        using var limit = CancellationTokenSource.CreateLinkedTokenSource(cancellationToken);
        limit.CancelAfter(options.ConnectTimeout);
        try
        {
            var resolved = await options.ResolveAsync(target.Host, limit.Token).ConfigureAwait(false);
            var allowed = resolved.Where(candidate => target.Address is not null || allowlist.AllowsResolved(target, candidate));
            var addresses = allowed.Select(candidate => new IPEndPoint(candidate, target.Port));
            if (await HappyEyeballs.ConnectAsync(addresses, TryConnectAsync, limit.Token).ConfigureAwait(false) is { } server)
            {
                return (ServerDialOutcome.Connected, server, "");
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

    // Null also where this machine has nothing of the address's family.
    static async Task<Socket?> TryConnectAsync(IPEndPoint address, CancellationToken cancellationToken)
    {
        Socket? socket = null;
        try
        {
            socket = new Socket(address.AddressFamily, SocketType.Stream, ProtocolType.Tcp) { NoDelay = true };
            socket.SetSocketOption(SocketOptionLevel.Socket, SocketOptionName.KeepAlive, true);
            socket.SetSocketOption(SocketOptionLevel.Tcp, SocketOptionName.TcpKeepAliveTime, KeepAliveSeconds);
            socket.SetSocketOption(SocketOptionLevel.Tcp, SocketOptionName.TcpKeepAliveInterval, KeepAliveIntervalSeconds);
            socket.SetSocketOption(SocketOptionLevel.Tcp, SocketOptionName.TcpKeepAliveRetryCount, KeepAliveRetries);
            await socket.ConnectAsync(address, cancellationToken).ConfigureAwait(false);
            return socket;
        }
        catch (SocketException)
        {
            socket?.Dispose();
            return null;
        }
        catch
        {
            socket?.Dispose();
            throw;
        }
    }
}
