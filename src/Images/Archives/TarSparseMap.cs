using System.Buffers.Binary;
using System.Globalization;
using System.Text;

namespace NitroEnclaves.Images;

/// <summary>Which parts of a sparse file are in the archive; the rest are zeros.</summary>
/// <param name="size">The file's full size.</param>
sealed class TarSparseMap(long size)
{
    /// <summary>Parts a file may have.</summary>
    const int MaxParts = 100_000;

    /// <summary>Reads 24-byte pairs of octal text from a GNU header of type S and the blocks behind it.</summary>
    public delegate ReadOnlySpan<byte> NextBlock();

    readonly List<(long Offset, long Length)> _parts = [];

    /// <summary>The GNU form: four pairs at 386, "more" at 482, the size at 483; further blocks with 21 pairs and "more" at 504.</summary>
    public static TarSparseMap ReadGnu(ReadOnlySpan<byte> header, NextBlock next, long start)
    {
        var map = new TarSparseMap(Octal(header.Slice(483, 12), start));
        map.AddPairs(header.Slice(386, 4 * 24), start);
        bool more = header[482] != 0;
        while (more)
        {
            var block = next();
            map.AddPairs(block[..(21 * 24)], start);
            more = block[504] != 0;
        }

        return map;
    }

    /// <summary>The forms 0.0 and 0.1 of PAX: "offset,length,..." in the extended header.</summary>
    public static TarSparseMap FromText(string text, long size, long start)
    {
        var map = new TarSparseMap(size);
        string[] numbers = text.Split(',');
        if (numbers.Length % 2 != 0)
        {
            throw TarReader.Malformed(start, "a sparse file's map is not made of pairs");
        }

        for (int i = 0; i < numbers.Length; i += 2)
        {
            map.Add(Decimal(numbers[i], start), Decimal(numbers[i + 1], start), start);
        }

        return map;
    }

    /// <summary>The form 1.0 of PAX: lines ahead of the data, the number of pairs and then each number, filled up to a block.</summary>
    public static TarSparseMap ReadVersion1(ByteSource source, ref long position, long end, long size, long start)
    {
        var lines = new LineReader(source, position, end, start);
        var map = new TarSparseMap(size);
        for (long left = lines.Next(); left > 0; left--)
        {
            map.Add(lines.Next(), lines.Next(), start);
        }

        position += TarReader.Padded(lines.Position - position);
        return position <= end ? map : throw TarReader.Malformed(start, "a sparse file's map is longer than the file");
    }

    /// <summary>The whole file, from the parts that the archive has one after another.</summary>
    public ByteSource Open(ByteSource data, long start)
    {
        long stored = _parts.Sum(part => part.Length);
        return stored == data.Length && size >= 0
            ? new SparseSource(data, [.. _parts], size)
            : throw TarReader.Malformed(start, "a sparse file's map does not fit its data");
    }

    void AddPairs(ReadOnlySpan<byte> pairs, long start)
    {
        for (; !pairs.IsEmpty; pairs = pairs[24..])
        {
            if (pairs[0] == 0)
            {
                return;
            }

            Add(Octal(pairs[..12], start), Octal(pairs[12..24], start), start);
        }
    }

    void Add(long offset, long length, long start)
    {
        long end = _parts.Count == 0 ? 0 : _parts[^1].Offset + _parts[^1].Length;
        if (offset < end || length < 0 || offset > size || length > size - offset || _parts.Count == MaxParts)
        {
            throw TarReader.Malformed(start, "a sparse file's parts overlap, exceed it or are too many");
        }

        _parts.Add((offset, length));
    }

    static long Octal(ReadOnlySpan<byte> field, long start)
    {
        if ((field[0] & 0x80) != 0)
        {
            return BinaryPrimitives.ReadInt64BigEndian(field[4..]);
        }

        long value = 0;
        foreach (byte digit in field.Trim(" \0"u8))
        {
            value = digit is >= (byte)'0' and <= (byte)'7' ? (value << 3) | (uint)(digit - '0')
                : throw TarReader.Malformed(start, "a number is not octal");
        }

        return value;
    }

    static long Decimal(string text, long start) => long.TryParse(text, NumberStyles.None, CultureInfo.InvariantCulture, out long value)
        ? value
        : throw TarReader.Malformed(start, "a number in a sparse file's map is none");

    /// <summary>Reads decimal numbers a line each, and no further than it must.</summary>
    sealed class LineReader(ByteSource source, long position, long end, long start)
    {
        readonly byte[] _one = new byte[1];

        public long Position { get; private set; } = position;

        public long Next()
        {
            var digits = new StringBuilder();
            while (Position < end && digits.Length <= 20)
            {
                source.ReadExactly(Position++, _one);
                if (_one[0] == (byte)'\n')
                {
                    return Decimal(digits.ToString(), start);
                }

                digits.Append((char)_one[0]);
            }

            throw TarReader.Malformed(start, "a sparse file's map does not end");
        }
    }

    sealed class SparseSource(ByteSource data, (long Offset, long Length)[] parts, long size) : ByteSource
    {
        readonly long[] _dataOffsets = DataOffsets(parts);

        public override long Length => size;

        public override int Read(long offset, Span<byte> buffer)
        {
            if (offset >= size)
            {
                return 0;
            }

            buffer = buffer[..(int)Math.Min(buffer.Length, size - offset)];
            int index = FirstPartEndingBehind(offset);
            if (index == parts.Length)
            {
                buffer.Clear();
                return buffer.Length;
            }

            var (start, length) = parts[index];
            if (offset < start)
            {
                buffer = buffer[..(int)Math.Min(buffer.Length, start - offset)];
                buffer.Clear();
                return buffer.Length;
            }

            long within = offset - start;
            return data.Read(_dataOffsets[index] + within, buffer[..(int)Math.Min(buffer.Length, length - within)]);
        }

        public override void Dispose()
        {
        }

        int FirstPartEndingBehind(long offset)
        {
            int low = 0;
            int high = parts.Length;
            while (low < high)
            {
                int middle = (low + high) / 2;
                if (parts[middle].Offset + parts[middle].Length > offset)
                {
                    high = middle;
                }
                else
                {
                    low = middle + 1;
                }
            }

            return low;
        }

        static long[] DataOffsets((long Offset, long Length)[] parts)
        {
            long[] offsets = new long[parts.Length];
            for (int i = 1; i < parts.Length; i++)
            {
                offsets[i] = offsets[i - 1] + parts[i - 1].Length;
            }

            return offsets;
        }
    }
}
