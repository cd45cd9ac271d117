namespace NitroEnclaves.Images;

/// <summary>The common shape of the decompressors: read only, forward only, input through one buffer.</summary>
abstract class DecompressionStream(Stream input) : ReadOnlyStream
{
    readonly byte[] _input = new byte[1 << 16];
    int _position;
    int _filled;

    /// <summary>Reads unpacked bytes.</summary>
    /// <exception cref="InvalidDataException">The compressed bytes are malformed or end early.</exception>
    public override int Read(Span<byte> buffer)
    {
        while (!buffer.IsEmpty)
        {
            if (_position == _filled)
            {
                _position = 0;
                _filled = input.Read(_input);
            }

            bool ended = _filled == 0;
            int written = Decompress(_input.AsSpan(_position, _filled - _position), buffer, ended, out int consumed, out bool finished);
            _position += consumed;
            if (written > 0 || (finished && ended))
            {
                return written;
            }

            if (ended)
            {
                throw new InvalidDataException("The compressed data ends early.");
            }

            if (consumed == 0 && _position < _filled)
            {
                throw new InvalidDataException("The compressed data makes no progress.");
            }
        }

        return 0;
    }

    /// <summary>Unpacks from one buffer into another, as far as both reach.</summary>
    /// <param name="source">Compressed bytes; empty at their end.</param>
    /// <param name="destination">Where to write.</param>
    /// <param name="last">True where no more compressed bytes will come.</param>
    /// <param name="consumed">How many compressed bytes were taken.</param>
    /// <param name="finished">True where the data could end here.</param>
    /// <returns>How many bytes were written.</returns>
    protected abstract int Decompress(ReadOnlySpan<byte> source, Span<byte> destination, bool last, out int consumed, out bool finished);

    protected override void Dispose(bool disposing)
    {
        if (disposing)
        {
            input.Dispose();
        }

        base.Dispose(disposing);
    }
}
