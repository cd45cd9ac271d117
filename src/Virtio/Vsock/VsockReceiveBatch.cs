namespace NitroEnclaves.Virtio;

/// <summary>
/// Reads from a host socket straight into several of the guest's receive buffers with one system call. The buffers that stay empty go
/// back to the front of the queue.
/// </summary>
sealed class VsockReceiveBatch
{
    const int MaxChains = 64;

    // In the worst case a header takes as many segments as it has bytes.
    const int MaxSegments = 256;

    readonly GuestSegment[] _segments = GC.AllocateArray<GuestSegment>(MaxSegments, pinned: true);
    readonly GuestSegment[] _headerSegments = new GuestSegment[MaxSegments];
    readonly Chain[] _chains = new Chain[MaxChains];
    int _chainCount;
    int _segmentCount;
    int _headerCount;

    /// <summary>Bytes that the chosen buffers hold.</summary>
    internal int Capacity { get; private set; }

    /// <summary>Segments of the payload, for the system call.</summary>
    internal ReadOnlySpan<GuestSegment> Segments => _segments.AsSpan(0, _segmentCount);

    /// <summary>Takes buffers from the queue until they hold enough, or there are no more.</summary>
    /// <param name="queue">The receive queue.</param>
    /// <param name="length">Bytes of payload expected, above 0: no further buffer is taken for more.</param>
    /// <param name="most">Most bytes of payload that may be received; the last buffer may have room for more than expected.</param>
    /// <returns>Whether there is at least one buffer.</returns>
    internal bool TryTake(Virtqueue queue, int length, int most)
    {
        _chainCount = _segmentCount = _headerCount = 0;
        Capacity = 0;
        for (var useless = 0; Capacity < length && _chainCount < MaxChains && _segmentCount < MaxSegments && _headerCount <= MaxSegments - VsockPacketHeader.Size;)
        {
            if (!queue.TryPop(out var chain))
            {
                break;
            }

            if (chain.WritableLength <= VsockPacketHeader.Size)
            {
                // No payload would ever fit; the driver gets it back, and cannot keep this loop busy with more of them.
                queue.AddUsed(chain.Head, 0);
                if (++useless == queue.Size)
                {
                    break;
                }

                continue;
            }

            Add(chain, Math.Min(most - Capacity, VsockPacketHeader.MaxPayload));
        }

        return _chainCount > 0;
    }

    void Add(in DescriptorChain chain, int most)
    {
        var headers = chain.SliceWritable(0, VsockPacketHeader.Size, _headerSegments.AsSpan(_headerCount));
        var payload = chain.SliceWritable(VsockPacketHeader.Size, most, _segments.AsSpan(_segmentCount));
        var capacity = 0;
        foreach (ref readonly var segment in _segments.AsSpan(_segmentCount, payload))
        {
            capacity += segment.Length;
        }

        _chains[_chainCount++] = new Chain(chain.Head, capacity, _headerCount, headers);
        _headerCount += headers;
        _segmentCount += payload;
        Capacity += capacity;
    }

    /// <summary>Completes the buffers that were filled, each a packet, and puts the others back.</summary>
    /// <param name="queue">The receive queue.</param>
    /// <param name="header">The packets' header; the length is set for each.</param>
    /// <param name="received">Bytes read into <see cref="Segments"/>, 0 to <see cref="Capacity"/>.</param>
    /// <returns>Packets completed.</returns>
    internal int Complete(Virtqueue queue, VsockPacketHeader header, int received)
    {
        var filled = 0;
        for (var covered = 0; covered < received; filled++)
        {
            covered += _chains[filled].Capacity;
        }

        PutBack(queue, filled);
        Span<byte> bytes = stackalloc byte[VsockPacketHeader.Size];
        for (var i = 0; i < filled; i++)
        {
            ref readonly var chain = ref _chains[i];
            var length = Math.Min(chain.Capacity, received);
            received -= length;
            (header with { Length = (uint)length }).Write(bytes);
            var written = 0;
            foreach (ref readonly var segment in _headerSegments.AsSpan(chain.HeaderStart, chain.HeaderCount))
            {
                bytes.Slice(written, segment.Length).CopyTo(segment.Span);
                written += segment.Length;
            }

            queue.AddUsed(chain.Head, (uint)(VsockPacketHeader.Size + length));
        }

        return filled;
    }

    void PutBack(Virtqueue queue, int filled)
    {
        var unused = _chainCount - filled;
        var returnable = Math.Min(unused, queue.Returnable);
        queue.PutBack(returnable);

        // Those taken before a useless one in the same call cannot be put back; the driver gets them empty and adds them again.
        for (var i = filled; i < _chainCount - returnable; i++)
        {
            queue.AddUsed(_chains[i].Head, 0);
        }
    }

    readonly record struct Chain(ushort Head, int Capacity, int HeaderStart, int HeaderCount);
}
