using System.Buffers;

namespace NitroEnclaves.Images;

/// <summary>
/// A piece of an image on its way to checksum, measurements and file at the same time. It goes back to its pool when everybody who
/// held it has let go.
/// </summary>
sealed class Chunk(ChunkPool pool)
{
    /// <summary>Bytes of a chunk.</summary>
    public const int Size = 1 << 19;

    int _holders;

    /// <summary>Room for <see cref="Size"/> bytes; the array goes back to the process's pool with the chunks' own.</summary>
    public byte[] Buffer { get; } = ArrayPool<byte>.Shared.Rent(Size);

    /// <summary>How many bytes count.</summary>
    public int Length { get; set; }

    /// <summary>The bytes that count.</summary>
    public ReadOnlySpan<byte> Data => Buffer.AsSpan(0, Length);

    /// <summary>One more holds the chunk.</summary>
    public void Hold() => Interlocked.Increment(ref _holders);

    /// <summary>A holder lets go.</summary>
    public void Release()
    {
        if (Interlocked.Decrement(ref _holders) == 0)
        {
            pool.Return(this);
        }
    }
}
