namespace NitroEnclaves.Images;

/// <summary>A section of an image being written: gathers what comes into chunks. Disposing of it ends the section.</summary>
sealed class EifSectionStream(EifWriter writer, EifSection section) : Stream
{
    Chunk? _chunk;
    long _taken;
    uint _crc;
    bool _failed;
    bool _ended;

    public override bool CanRead => false;

    public override bool CanSeek => false;

    public override bool CanWrite => !_ended;

    public override long Length => throw new NotSupportedException();

    public override long Position
    {
        get => _taken + (_chunk?.Length ?? 0);
        set => throw new NotSupportedException();
    }

    public override void Write(ReadOnlySpan<byte> buffer)
    {
        while (!buffer.IsEmpty)
        {
            var room = Room();
            int count = Math.Min(buffer.Length, room.Length);
            buffer[..count].CopyTo(room);
            Filled(count);
            buffer = buffer[count..];
        }
    }

    public override void Write(byte[] buffer, int offset, int count)
    {
        ValidateBufferArguments(buffer, offset, count);
        Write(buffer.AsSpan(offset, count));
    }

    /// <summary>Reads a stream to its end straight into the chunks, and returns the bytes read.</summary>
    /// <exception cref="IOException">There are more bytes than the limit.</exception>
    public long ReadFrom(Stream input, long limit, CancellationToken cancellationToken)
    {
        for (long total = 0; ;)
        {
            cancellationToken.ThrowIfCancellationRequested();
            int read = input.Read(Room());
            if (read == 0)
            {
                return total;
            }

            total += read;
            if (total > limit)
            {
                throw new IOException($"There are more than {limit} bytes.");
            }

            Filled(read);
        }
    }

    public override void Flush()
    {
    }

    public override int Read(byte[] buffer, int offset, int count) => throw new NotSupportedException();

    public override long Seek(long offset, SeekOrigin origin) => throw new NotSupportedException();

    public override void SetLength(long value) => throw new NotSupportedException();

    protected override void Dispose(bool disposing)
    {
        if (disposing && !_ended)
        {
            _ended = true;
            if (_chunk is not null)
            {
                HandOver();
            }

            if (!_failed)
            {
                writer.End(section with { Size = _taken }, _crc);
            }
        }

        base.Dispose(disposing);
    }

    Span<byte> Room()
    {
        ObjectDisposedException.ThrowIf(_ended, this);
        _chunk ??= writer.RentChunk();
        return _chunk.Buffer.AsSpan(_chunk.Length);
    }

    void Filled(int count)
    {
        _chunk!.Length += count;
        if (_chunk.Length == Chunk.Size)
        {
            HandOver();
        }
    }

    void HandOver()
    {
        var chunk = _chunk!;
        _chunk = null;
        int length = chunk.Length;
        _failed = true;
        _crc = writer.Take(chunk, _crc, section.DataOffset + _taken + length);
        _failed = false;
        _taken += length;
    }
}
