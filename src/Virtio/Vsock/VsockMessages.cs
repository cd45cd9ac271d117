using System.Buffers;

namespace NitroEnclaves.Virtio;

/// <summary>
/// The limits of messages of one SOCK_SEQPACKET connection: of those that wait for the host program, and of the one that is on its way to
/// the guest. The bytes for the host are in the connection's backlog.
/// </summary>
sealed class VsockMessages
{
    /// <summary>The longest message in either direction; Unix sockets of the usual limits do not let longer ones through.</summary>
    internal const int MaxLength = 1024 * 1024;

    /// <summary>Segments of the longest message, the first of which may begin inside its piece.</summary>
    internal const int MaxSegments = 66;

    readonly Queue<int> _lengths = new();
    int _unfinished;
    byte[]? _outgoing;
    int _outgoingStart;
    int _outgoingEnd;

    /// <summary>Whole messages that wait for the host program.</summary>
    internal int Count => _lengths.Count;

    /// <summary>What the guest has not got yet of the message that goes to it; empty where there is none.</summary>
    internal ReadOnlySpan<byte> Outgoing => _outgoing.AsSpan(_outgoingStart, _outgoingEnd - _outgoingStart);

    /// <summary>Counts bytes of the message that the guest is sending.</summary>
    /// <param name="length">Bytes.</param>
    /// <param name="isEnd">Whether the message is whole with them. One without any byte is none: to a host program it would look like the end.</param>
    /// <returns>False where it is longer than any may be.</returns>
    internal bool TryAdd(int length, bool isEnd)
    {
        _unfinished += length;
        if (_unfinished > MaxLength)
        {
            return false;
        }

        if (isEnd && _unfinished > 0)
        {
            _lengths.Enqueue(_unfinished);
            _unfinished = 0;
        }

        return true;
    }

    /// <summary>Shortens a list of segments to the first message.</summary>
    /// <returns>Segments of it.</returns>
    internal int Limit(Span<GuestSegment> segments, int count)
    {
        var left = _lengths.Peek();
        for (var i = 0; i < count; i++)
        {
            if (segments[i].Length >= left)
            {
                segments[i] = segments[i].Slice(0, left);
                return i + 1;
            }

            left -= segments[i].Length;
        }

        return count;
    }

    /// <summary>The host program has the first message.</summary>
    internal void EndFirst() => _lengths.Dequeue();

    /// <summary>Makes room for a message of the host program, which is to be filled at once.</summary>
    internal Span<byte> Begin(int length)
    {
        _outgoing = ArrayPool<byte>.Shared.Rent(length);
        _outgoingStart = 0;
        _outgoingEnd = length;
        return _outgoing.AsSpan(0, length);
    }

    /// <summary>Notes that bytes of it have gone to the guest, or will never go.</summary>
    internal void Advance(int length)
    {
        _outgoingStart += length;
        if (_outgoingStart == _outgoingEnd)
        {
            EndOutgoing();
        }
    }

    internal void Clear()
    {
        _lengths.Clear();
        _unfinished = 0;
        EndOutgoing();
    }

    void EndOutgoing()
    {
        if (_outgoing is not null)
        {
            ArrayPool<byte>.Shared.Return(_outgoing);
            _outgoing = null;
            _outgoingStart = _outgoingEnd = 0;
        }
    }
}
