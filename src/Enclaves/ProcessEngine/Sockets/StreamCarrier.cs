using System.Net.Sockets;

namespace NitroEnclaves.Enclaves;

/// <summary>Carries bytes between two connected sockets, both ways, until both have ended.</summary>
static class StreamCarrier
{
    /// <summary>Carries until the end, and closes both.</summary>
    public static async Task CarryAsync(Socket one, Socket other)
    {
        using (one)
        using (other)
        {
            await Task.WhenAll(CopyAsync(one, other), CopyAsync(other, one)).ConfigureAwait(false);
        }
    }

    // What one end has ended is ended at the other; what is broken at one end is broken at both.
    static async Task CopyAsync(Socket from, Socket to)
    {
        try
        {
            using NetworkStream source = new(from, ownsSocket: false), destination = new(to, ownsSocket: false);
            await source.CopyToAsync(destination).ConfigureAwait(false);
            to.Shutdown(SocketShutdown.Send);
        }
        catch (Exception exception) when (exception is IOException or SocketException or ObjectDisposedException)
        {
            from.Dispose();
            to.Dispose();
        }
    }
}
