using System.Buffers;
using System.Collections.Concurrent;

namespace NitroEnclaves.Images;

/// <summary>
/// A fixed number of chunks: who reads or writes waits here when the hashes fall behind, which bounds the memory to 8 MiB.
/// </summary>
sealed class ChunkPool : IDisposable
{
    const int Chunks = 16;

    readonly ConcurrentBag<Chunk> _free = [];
    readonly SemaphoreSlim _available = new(Chunks, Chunks);

    /// <summary>An empty chunk, held once; waits for one to come back where all are out.</summary>
    public Chunk Rent()
    {
        _available.Wait();
        var chunk = _free.TryTake(out var free) ? free : new Chunk(this);
        chunk.Length = 0;
        chunk.Hold();
        return chunk;
    }

    /// <summary>Takes back a chunk that nobody holds.</summary>
    public void Return(Chunk chunk)
    {
        _free.Add(chunk);
        _available.Release();
    }

    /// <summary>Gives the memory of the chunks that came back to whoever needs it next: the next image, for one.</summary>
    public void Dispose()
    {
        while (_free.TryTake(out var chunk))
        {
            ArrayPool<byte>.Shared.Return(chunk.Buffer);
        }

        _available.Dispose();
    }
}
