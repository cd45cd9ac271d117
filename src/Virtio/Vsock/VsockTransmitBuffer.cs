using System.Runtime.CompilerServices;
using System.Runtime.InteropServices;

namespace NitroEnclaves.Virtio;

/// <summary>The bytes of one connection that its host program has not taken yet, in their order. Holds no memory while empty.</summary>
sealed unsafe class VsockTransmitBuffer(VsockBufferPool pool)
{
    // Unsafe because sendmsg takes addresses. The pieces are pinned arrays, and each address stays inside its piece.

    readonly Queue<byte[]> _pieces = new();
    byte[]? _last;
    int _start;
    int _end;

    /// <summary>Bytes that wait.</summary>
    internal int Length { get; private set; }

    /// <summary>Adds bytes at the end.</summary>
    /// <returns>False where the device's limit is reached; a part may have been added.</returns>
    internal bool TryAppend(ReadOnlySpan<byte> bytes)
    {
        while (!bytes.IsEmpty)
        {
            if (_last is null || _end == VsockBufferPool.PieceSize)
            {
                if (pool.Rent() is not { } piece)
                {
                    return false;
                }

                _pieces.Enqueue(piece);
                _last = piece;
                _end = 0;
            }

            var count = Math.Min(bytes.Length, VsockBufferPool.PieceSize - _end);
            bytes[..count].CopyTo(_last.AsSpan(_end));
            bytes = bytes[count..];
            _end += count;
            Length += count;
        }

        return true;
    }

    /// <summary>Lists the bytes from the first on, for writing them to the host.</summary>
    /// <param name="segments">Receives the segments, as many as it has places.</param>
    /// <returns>Segments written.</returns>
    internal int Peek(Span<GuestSegment> segments)
    {
        var count = 0;
        var offset = _start;
        foreach (var piece in _pieces)
        {
            if (count == segments.Length)
            {
                break;
            }

            var length = (ReferenceEquals(piece, _last) ? _end : VsockBufferPool.PieceSize) - offset;
            var address = (byte*)Unsafe.AsPointer(ref MemoryMarshal.GetArrayDataReference(piece));
            segments[count++] = new GuestSegment(address + offset, length);
            offset = 0;
        }

        return count;
    }

    /// <summary>Forgets the first bytes, which the host has taken.</summary>
    /// <param name="count">Bytes, at most <see cref="Length"/>.</param>
    internal void Advance(int count)
    {
        Length -= count;
        _start += count;
        while (_pieces.TryPeek(out var piece) && _start >= (ReferenceEquals(piece, _last) ? _end : VsockBufferPool.PieceSize))
        {
            _pieces.Dequeue();
            pool.Return(piece);
            _start -= ReferenceEquals(piece, _last) ? _end : VsockBufferPool.PieceSize;
            if (ReferenceEquals(piece, _last))
            {
                _last = null;
            }
        }
    }

    /// <summary>Forgets everything.</summary>
    internal void Clear()
    {
        while (_pieces.TryDequeue(out var piece))
        {
            pool.Return(piece);
        }

        _last = null;
        _start = _end = Length = 0;
    }
}
