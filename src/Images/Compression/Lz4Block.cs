namespace NitroEnclaves.Images;

/// <summary>
/// One LZ4 block: sequences of a token (literal length, match length - 4; 15 goes on in further bytes), literals, and the
/// distance (u16 little-endian) back to the match; the last sequence has literals only.
/// </summary>
static class Lz4Block
{
    /// <summary>Unpacks a block and returns its length.</summary>
    /// <exception cref="InvalidDataException">The block is malformed or does not fit.</exception>
    public static int Unpack(ReadOnlySpan<byte> source, Span<byte> destination)
    {
        int from = 0;
        int to = 0;
        while (true)
        {
            int token = Next(source, ref from);
            int literals = Length(token >> 4, source, ref from);
            if (literals > source.Length - from || literals > destination.Length - to)
            {
                throw Malformed();
            }

            source.Slice(from, literals).CopyTo(destination[to..]);
            from += literals;
            to += literals;
            if (from == source.Length)
            {
                return to;
            }

            int distance = Next(source, ref from) | (Next(source, ref from) << 8);
            int match = Length(token & 15, source, ref from) + 4;
            if (distance == 0 || distance > to || match > destination.Length - to)
            {
                throw Malformed();
            }

            // Matches may overlap what they write: then they repeat it.
            for (int end = to + match; to < end;)
            {
                int count = Math.Min(distance, end - to);
                destination.Slice(to - distance, count).CopyTo(destination[to..]);
                to += count;
            }
        }
    }

    static int Length(int length, ReadOnlySpan<byte> source, ref int position)
    {
        if (length == 15)
        {
            int more;
            do
            {
                more = Next(source, ref position);
                length += more;
            }
            while (more == 255);
        }

        return length;
    }

    static int Next(ReadOnlySpan<byte> source, ref int position) => position < source.Length ? source[position++] : throw Malformed();

    static InvalidDataException Malformed() => new("The LZ4 data is malformed.");
}
