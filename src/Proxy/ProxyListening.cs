using System.Net.Sockets;
using NitroEnclaves.Vsock;

namespace NitroEnclaves.Proxy;

/// <summary>What the proxies' accept loops have in common.</summary>
static class ProxyListening
{
    /// <summary>Serves each connection in a task of its own, until cancelled.</summary>
    public static async Task ServeAsync(VsockListener listener, Func<VsockConnection, CancellationToken, Task> serve, CancellationToken cancellationToken)
    {
        try
        {
            while (true)
            {
                _ = serve(await listener.AcceptAsync(cancellationToken).ConfigureAwait(false), cancellationToken);
            }
        }
        catch (OperationCanceledException) when (cancellationToken.IsCancellationRequested)
        {
            // The orderly end.
        }
    }

    /// <summary>Whether one of the two ends is gone, or took too long: the other is closed with it.</summary>
    public static bool IsOfPeers(Exception exception) => exception is IOException or SocketException or OperationCanceledException or ObjectDisposedException;
}
