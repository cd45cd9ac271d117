namespace NitroEnclaves.Virtio;

/// <summary>
/// One request of the driver: buffers for the device to read, then buffers to write, all checked. It shows the queue's own
/// segment list, so it lasts until the next <see cref="Virtqueue.TryPop"/> and never outlives the call in which it was popped.
/// Offsets count bytes from the beginning of the readable, or of the writable, part.
/// </summary>
public readonly ref struct DescriptorChain
{
    internal DescriptorChain(
        ushort head, ReadOnlySpan<GuestSegment> readable, int readableLength, ReadOnlySpan<GuestSegment> writable, int writableLength)
    {
        Head = head;
        Readable = readable;
        ReadableLength = readableLength;
        Writable = writable;
        WritableLength = writableLength;
    }

    /// <summary>The chain's identity: what <see cref="Virtqueue.AddUsed"/> takes.</summary>
    public ushort Head { get; }

    /// <summary>What the driver gave to read, empty buffers left out.</summary>
    public ReadOnlySpan<GuestSegment> Readable { get; }

    /// <summary>What the driver gave to write, empty buffers left out.</summary>
    public ReadOnlySpan<GuestSegment> Writable { get; }

    /// <summary>Bytes in <see cref="Readable"/>.</summary>
    public int ReadableLength { get; }

    /// <summary>Bytes in <see cref="Writable"/>.</summary>
    public int WritableLength { get; }

    /// <summary>Copies bytes out of the readable part. A device does this once and decides on the copy.</summary>
    /// <param name="offset">Where to begin, at least 0; at or behind the end nothing is copied.</param>
    /// <param name="destination">Filled as far as the part reaches.</param>
    /// <returns>Bytes copied.</returns>
    public int Read(int offset, Span<byte> destination)
    {
        ArgumentOutOfRangeException.ThrowIfNegative(offset);
        var copied = 0;
        foreach (ref readonly var segment in Readable)
        {
            if (copied == destination.Length)
            {
                break;
            }

            if (offset >= segment.Length)
            {
                offset -= segment.Length;
                continue;
            }

            var count = Math.Min(segment.Length - offset, destination.Length - copied);
            segment.Span.Slice(offset, count).CopyTo(destination[copied..]);
            copied += count;
            offset = 0;
        }

        return copied;
    }

    /// <summary>Copies bytes into the writable part.</summary>
    /// <param name="offset">Where to begin, at least 0; at or behind the end nothing is copied.</param>
    /// <param name="source">Copied as far as the part reaches.</param>
    /// <returns>Bytes copied.</returns>
    public int Write(int offset, ReadOnlySpan<byte> source)
    {
        ArgumentOutOfRangeException.ThrowIfNegative(offset);
        var copied = 0;
        foreach (ref readonly var segment in Writable)
        {
            if (copied == source.Length)
            {
                break;
            }

            if (offset >= segment.Length)
            {
                offset -= segment.Length;
                continue;
            }

            var count = Math.Min(segment.Length - offset, source.Length - copied);
            source.Slice(copied, count).CopyTo(segment.Span[offset..]);
            copied += count;
            offset = 0;
        }

        return copied;
    }

    /// <summary>Lists a range of the readable part, for writev(2).</summary>
    /// <inheritdoc cref="Slice"/>
    public int SliceReadable(int offset, int length, Span<GuestSegment> segments) => Slice(Readable, offset, length, segments);

    /// <summary>Lists a range of the writable part, for readv(2).</summary>
    /// <inheritdoc cref="Slice"/>
    public int SliceWritable(int offset, int length, Span<GuestSegment> segments) => Slice(Writable, offset, length, segments);

    /// <summary>Lists a range of a part.</summary>
    /// <param name="part">The part.</param>
    /// <param name="offset">Where the range begins, at least 0.</param>
    /// <param name="length">Most bytes of the range, at least 0.</param>
    /// <param name="segments">Receives the segments; when it is full the range ends early, as a short transfer would.</param>
    /// <returns>Segments written; 0 where the range is empty.</returns>
    static int Slice(ReadOnlySpan<GuestSegment> part, int offset, int length, Span<GuestSegment> segments)
    {
        ArgumentOutOfRangeException.ThrowIfNegative(offset);
        ArgumentOutOfRangeException.ThrowIfNegative(length);
        var count = 0;
        foreach (ref readonly var segment in part)
        {
            if (length == 0 || count == segments.Length)
            {
                break;
            }

            if (offset >= segment.Length)
            {
                offset -= segment.Length;
                continue;
            }

            var bytes = Math.Min(segment.Length - offset, length);
            segments[count++] = segment.Slice(offset, bytes);
            length -= bytes;
            offset = 0;
        }

        return count;
    }
}
