namespace NitroEnclaves.Virtio;

/// <summary>
/// Joins the payloads of successive packets of one connection into one system call. A guest that sends small packets at speed costs the
/// host one call, and one wake-up of the reading program, for many of them.
/// </summary>
/// <remarks>
/// The segments are guest memory that its driver takes back once the queue publishes its chains: <see cref="Flush"/> comes before that.
/// </remarks>
sealed class VsockTransmitBatch
{
    readonly GuestSegment[] _segments = GC.AllocateArray<GuestSegment>(Interop.Uio.IOV_MAX, pinned: true);
    VsockDeviceConnection? _connection;
    int _count;

    /// <summary>Adds a packet's payload, and writes out what does not fit or belongs to another connection.</summary>
    /// <param name="target">The connection.</param>
    /// <param name="chain">The packet.</param>
    /// <param name="length">Bytes of payload behind the header, all present in the chain.</param>
    internal void Add(VsockDeviceConnection target, in DescriptorChain chain, int length)
    {
        if (_connection != target)
        {
            Flush();
            _connection = target;
        }

        for (var offset = VsockPacketHeader.Size; length > 0;)
        {
            if (_count == _segments.Length)
            {
                Flush();
                _connection = target;
            }

            var added = chain.SliceReadable(offset, length, _segments.AsSpan(_count));
            foreach (ref readonly var segment in _segments.AsSpan(_count, added))
            {
                offset += segment.Length;
                length -= segment.Length;
            }

            _count += added;
        }
    }

    /// <summary>Writes out what was added.</summary>
    internal void Flush()
    {
        if (_connection is { } target)
        {
            _connection = null;
            var filled = _segments.AsSpan(0, _count);
            _count = 0;
            target.WriteToHost(filled);
        }
    }
}
