namespace NitroEnclaves.Images;

/// <summary>The next so many bytes of a stream, read once and forward; the stream beneath stays open.</summary>
sealed class BoundedStream(Stream input, long length) : ReadOnlyStream
{
    long _left = length;

    public override int Read(Span<byte> buffer)
    {
        int read = input.Read(buffer[..(int)Math.Min(buffer.Length, _left)]);
        _left -= read;
        return read;
    }
}
