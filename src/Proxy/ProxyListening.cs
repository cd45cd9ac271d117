using System.Collections.Concurrent;
using System.Net.Sockets;
using NitroEnclaves.Vsock;

namespace NitroEnclaves.Proxy;

/// <summary>What the proxies' accept loops have in common.</summary>
static class ProxyListening
{
    static readonly TimeSpan s_pause = TimeSpan.FromMilliseconds(100);

    /// <summary>Serves each connection in a task of its own, until cancelled; then those that are open may go on for a while.</summary>
    public static async Task ServeAsync(
        VsockListener listener, Func<VsockConnection, CancellationToken, Task> serve, ProxyOptions options, CancellationToken cancellationToken)
    {
        using var abandoning = new CancellationTokenSource();
        var serving = new ConcurrentDictionary<Task, bool>();
        try
        {
            while (true)
            {
                try
                {
                    Track(serving, serve(await listener.AcceptAsync(cancellationToken).ConfigureAwait(false), abandoning.Token));
                }
                catch (VsockException exception)
                {
                    // The system is out of descriptors or memory: connections that end give some back.
                    options.Log?.Invoke(exception.Message);
                    await Task.Delay(s_pause, cancellationToken).ConfigureAwait(false);
                }
            }
        }
        catch (OperationCanceledException) when (cancellationToken.IsCancellationRequested)
        {
            // The orderly end: nobody waits to be accepted by one who does not.
            listener.Dispose();
            await Task.WhenAny(Task.WhenAll(serving.Keys), Task.Delay(options.DrainTimeout, CancellationToken.None)).ConfigureAwait(false);
        }
        finally
        {
            await abandoning.CancelAsync().ConfigureAwait(false);
            await Task.WhenAll(serving.Keys).ConfigureAwait(false);
        }
    }

    static void Track(ConcurrentDictionary<Task, bool> serving, Task connection)
    {
        serving[connection] = true;
        connection.ContinueWith(
            task => serving.TryRemove(task, out _), CancellationToken.None, TaskContinuationOptions.ExecuteSynchronously, TaskScheduler.Default);
    }

    /// <summary>Whether one of the two ends is gone, or took too long: the other is closed with it.</summary>
    public static bool IsOfPeers(Exception exception) => exception is IOException or SocketException or OperationCanceledException or ObjectDisposedException;
}
