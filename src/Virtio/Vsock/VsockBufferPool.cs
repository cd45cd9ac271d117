namespace NitroEnclaves.Virtio;

/// <summary>
/// The pieces of memory in which bytes wait for host programs. Pinned, so that system calls can use them; those in use are counted against
/// the device's limit, and only a few unused ones are kept.
/// </summary>
/// <param name="limit">Most bytes in use at once.</param>
sealed class VsockBufferPool(long limit)
{
    /// <summary>Bytes of a piece. A connection that waits with one byte uses a whole one.</summary>
    internal const int PieceSize = 16 * 1024;

    const int MaxKept = 256;

    readonly Stack<byte[]> _kept = new(MaxKept);

    /// <summary>Bytes in use.</summary>
    internal long InUse { get; private set; }

    /// <summary>Gives a piece with whatever bytes are in it, or null where the limit is reached.</summary>
    internal byte[]? Rent()
    {
        if (InUse + PieceSize > limit)
        {
            return null;
        }

        InUse += PieceSize;
        return _kept.TryPop(out var piece) ? piece : GC.AllocateUninitializedArray<byte>(PieceSize, pinned: true);
    }

    /// <summary>Takes a piece back.</summary>
    internal void Return(byte[] piece)
    {
        InUse -= PieceSize;
        if (_kept.Count < MaxKept)
        {
            _kept.Push(piece);
        }
    }
}
