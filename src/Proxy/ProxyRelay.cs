using System.Buffers;
using System.Net.Sockets;
using NitroEnclaves.Vsock;

namespace NitroEnclaves.Proxy;

/// <summary>
/// Passes bytes both ways between an enclave and a server. Each direction ends on its own; what one side does not take, the other is not
/// read for; and a pair that rests too long is given up.
/// </summary>
sealed class ProxyRelay(VsockConnection enclave, Socket server, TimeSpan idleTimeout)
{
    const int BufferSize = 64 * 1024;

    /// <summary>Ends when both directions have ended, or one has failed, which ends the other.</summary>
    /// <exception cref="IOException">The enclave's side has failed.</exception>
    /// <exception cref="SocketException">The server's side has failed.</exception>
    /// <exception cref="OperationCanceledException">Cancelled, or idle for too long.</exception>
    internal async Task RunAsync(CancellationToken cancellationToken)
    {
        using var limit = CancellationTokenSource.CreateLinkedTokenSource(cancellationToken);
        limit.CancelAfter(idleTimeout);
        var directions = new[]
        {
            CopyAsync(enclave.Stream.ReadAsync, (bytes, token) => SendAsync(bytes, token), () => server.Shutdown(SocketShutdown.Send), limit),
            CopyAsync((buffer, token) => server.ReceiveAsync(buffer, token), enclave.Stream.WriteAsync, enclave.CompleteWrites, limit),
        };
        var first = await Task.WhenAny(directions).ConfigureAwait(false);
        if (!first.IsCompletedSuccessfully)
        {
            await limit.CancelAsync().ConfigureAwait(false);
            await Task.WhenAll(directions).ContinueWith(static _ => { }, CancellationToken.None, TaskContinuationOptions.ExecuteSynchronously, TaskScheduler.Default).ConfigureAwait(false);
            await first.ConfigureAwait(false);
        }

        await Task.WhenAll(directions).ConfigureAwait(false);
    }

    async Task CopyAsync(
        Func<Memory<byte>, CancellationToken, ValueTask<int>> read,
        Func<ReadOnlyMemory<byte>, CancellationToken, ValueTask> write,
        Action complete,
        CancellationTokenSource limit)
    {
        var buffer = ArrayPool<byte>.Shared.Rent(BufferSize);
        try
        {
            for (int count; (count = await read(buffer, limit.Token).ConfigureAwait(false)) > 0;)
            {
                // Progress in either direction keeps both alive.
                limit.CancelAfter(idleTimeout);
                await write(buffer.AsMemory(0, count), limit.Token).ConfigureAwait(false);
            }

            complete();
        }
        finally
        {
            ArrayPool<byte>.Shared.Return(buffer);
        }
    }

    async ValueTask SendAsync(ReadOnlyMemory<byte> bytes, CancellationToken cancellationToken)
    {
        while (!bytes.IsEmpty)
        {
            bytes = bytes[await server.SendAsync(bytes, cancellationToken).ConfigureAwait(false)..];
        }
    }
}
