using System.Net;
using System.Net.Sockets;

namespace NitroEnclaves.Proxy;

/// <summary>
/// Connects to the first of several addresses that answers (RFC 8305, section 5): the next one is tried when the one before has refused, or after a
/// quarter of a second without an answer, and those that were tried go on meanwhile. An address that swallows everything so costs a moment only.
/// </summary>
static class HappyEyeballs
{
    static readonly TimeSpan s_attemptDelay = TimeSpan.FromMilliseconds(250);

    /// <summary>Connects.</summary>
    /// <param name="addresses">The addresses, in the order in which they are preferred.</param>
    /// <param name="connect">Connects to one of them; null where it refuses.</param>
    /// <param name="cancellationToken">Gives all attempts up.</param>
    /// <returns>The first connection that came about; null when all addresses have refused.</returns>
    /// <exception cref="OperationCanceledException">The token was cancelled before one answered.</exception>
    public static async Task<Socket?> ConnectAsync(
        IEnumerable<IPEndPoint> addresses, Func<IPEndPoint, CancellationToken, Task<Socket?>> connect, CancellationToken cancellationToken)
    {
        using var over = CancellationTokenSource.CreateLinkedTokenSource(cancellationToken);
        var attempts = new List<Task<Socket?>>();
        try
        {
            foreach (var address in addresses)
            {
                var attempt = connect(address, over.Token);
                attempts.Add(attempt);
                if (await FirstAsync(Task.WhenAny(attempt, Task.Delay(s_attemptDelay, over.Token))).ConfigureAwait(false) is { } server)
                {
                    return server;
                }
            }

            return await FirstAsync(Task.WhenAll(attempts)).ConfigureAwait(false);
        }
        finally
        {
            await over.CancelAsync().ConfigureAwait(false);
            foreach (var attempt in attempts)
            {
                _ = attempt.ContinueWith(
                    late => late.Result?.Dispose(), CancellationToken.None, TaskContinuationOptions.OnlyOnRanToCompletion, TaskScheduler.Default);
            }
        }

        // The first connection that comes about before something else has happened.
        async Task<Socket?> FirstAsync(Task until)
        {
            bool isOver;
            do
            {
                await Task.WhenAny([until, .. attempts]).ConfigureAwait(false);
                cancellationToken.ThrowIfCancellationRequested();
                // Looked at before the attempts, of which none is missed then.
                isOver = until.IsCompleted;
                while (attempts.Find(attempt => attempt.IsCompleted) is { } ended)
                {
                    attempts.Remove(ended);
                    if (await ended.ConfigureAwait(false) is { } server)
                    {
                        return server;
                    }
                }
            }
            while (!isOver);
            return null;
        }
    }
}
