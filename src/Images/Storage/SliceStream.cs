namespace NitroEnclaves.Images;

/// <summary>A readable, seekable stream over a range of an <see cref="ByteSource"/> that it does not own.</summary>
sealed class SliceStream(ByteSource source, long start, long length) : ReadOnlyStream
{
    long _position;

    public override bool CanSeek => true;

    public override long Length => length;

    public override long Position
    {
        get => _position;
        set
        {
            ArgumentOutOfRangeException.ThrowIfNegative(value);
            _position = value;
        }
    }

    public override int Read(Span<byte> buffer)
    {
        long left = Math.Max(0, length - _position);
        int read = source.Read(start + _position, buffer[..(int)Math.Min(buffer.Length, left)]);
        if (read == 0 && left > 0 && !buffer.IsEmpty)
        {
            throw new EndOfStreamException($"The file ended at byte {start + _position} while it was being read.");
        }

        _position += read;
        return read;
    }

    public override long Seek(long offset, SeekOrigin origin) => Position = origin switch
    {
        SeekOrigin.Begin => offset,
        SeekOrigin.Current => _position + offset,
        SeekOrigin.End => length + offset,
        _ => throw new ArgumentOutOfRangeException(nameof(origin)),
    };
}
