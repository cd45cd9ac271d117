using System.Buffers.Binary;

namespace NitroEnclaves.Images;

/// <summary>Walks through a tar archive: v7, ustar, GNU (long names, sparse files) and PAX. Contents are not read, only located.</summary>
/// <remarks>
/// A header is a block of 512 bytes:
/// <code>
/// 0 name (100)  100 mode (8)  108 uid (8)  116 gid (8)  124 size (12)  136 mtime (12)  148 checksum (8)  156 type  157 link (100)
/// 257 magic and version (8)  265 user (32)  297 group (32)  329 device major (8)  337 device minor (8)  345 prefix (155)
/// </code>
/// Numbers are octal text, or with the top bit set binary, big-endian. The data follows, filled up to whole blocks.
/// </remarks>
sealed class TarReader(ByteSource source)
{
    public const int BlockSize = 512;

    /// <summary>Bytes an extended header or a long name may have.</summary>
    const int MaxExtension = 1 << 20;

    readonly byte[] _block = new byte[BlockSize];
    readonly PaxHeader _global = new();
    long _position;

    /// <summary>The next file; null at the end.</summary>
    /// <exception cref="RootFileSystemException">The archive is malformed or of a form that is not known.</exception>
    public TarEntry? Read()
    {
        var pax = new PaxHeader(_global);
        string? longName = null;
        string? longLink = null;
        while (ReadBlock())
        {
            long start = _position - BlockSize;
            long size = Number(124, 12, start);
            switch (_block[156])
            {
                case (byte)'x' or (byte)'X':
                    pax.Read(ReadExtension(size, start), start);
                    break;
                case (byte)'g':
                    _global.Read(ReadExtension(size, start), start);
                    pax = new PaxHeader(_global);
                    break;
                case (byte)'L':
                    longName = UntilNul(ReadExtension(size, start));
                    break;
                case (byte)'K':
                    longLink = UntilNul(ReadExtension(size, start));
                    break;
                case (byte)'V':
                    Skip(size, start);
                    break;
                default:
                    return ToEntry(pax, longName, longLink, size, start);
            }
        }

        return null;
    }

    TarEntry ToEntry(PaxHeader pax, string? longName, string? longLink, long size, long start)
    {
        string path = pax.Path ?? longName ?? HeaderName();
        string link = pax.LinkPath ?? longLink ?? UntilNul(_block.AsSpan(157, 100));
        byte flag = _block[156];
        var type = flag switch
        {
            (byte)'0' or 0 or (byte)'7' or (byte)'S' => path.EndsWith('/') ? TarEntryType.Directory : TarEntryType.RegularFile,
            >= (byte)'1' and <= (byte)'6' => (TarEntryType)flag,
            _ => throw new RootFileSystemException(RootFileSystemError.UnsupportedArchive,
                $"'{path}' in the tar archive (byte {start}) has the unknown type {flag}."),
        };
        return new TarEntry
        {
            Path = path,
            Type = type,
            Mode = (UnixFileMode)Number(100, 8, start) & FileModes.Mask,
            UserId = Id(pax.UserId ?? Number(108, 8, start), path, start),
            GroupId = Id(pax.GroupId ?? Number(116, 8, start), path, start),
            ModificationTime = pax.ModificationTime ?? Number(136, 12, start),
            LinkTarget = type is TarEntryType.HardLink or TarEntryType.SymbolicLink ? link : "",
            DeviceMajor = type is TarEntryType.CharacterDevice or TarEntryType.BlockDevice ? Id(Number(329, 8, start), path, start) : 0,
            DeviceMinor = type is TarEntryType.CharacterDevice or TarEntryType.BlockDevice ? Id(Number(337, 8, start), path, start) : 0,
            // Only files have data; a size elsewhere means nothing. Comes last: a sparse file's map overwrites the header's block.
            Content = type == TarEntryType.RegularFile ? ReadContent(pax, flag == (byte)'S', pax.Size ?? size, start) : FileContent.Empty,
        };
    }

    FileContent ReadContent(PaxHeader pax, bool gnuSparse, long size, long start)
    {
        TarSparseMap? map = null;
        if (gnuSparse)
        {
            map = TarSparseMap.ReadGnu(_block, ReadNextBlock, start);
        }
        else if (pax.SparseMap is { } text)
        {
            map = TarSparseMap.FromText(text, pax.SparseSize ?? size, start);
        }

        long dataStart = _position;
        Skip(size, start);
        long dataEnd = dataStart + size;
        if (pax.IsSparseVersion1)
        {
            map = TarSparseMap.ReadVersion1(source, ref dataStart, dataEnd, pax.SparseSize ?? size, start);
        }

        var data = source.Slice(dataStart, dataEnd - dataStart);
        return FileContent.FromSource(map is null ? data : map.Open(data, start));
    }

    ReadOnlySpan<byte> ReadNextBlock()
    {
        long start = _position;
        if (source.Length - start < BlockSize)
        {
            throw Malformed(start, "it ends within a sparse file's map");
        }

        source.ReadExactly(start, _block);
        _position += BlockSize;
        return _block;
    }

    bool ReadBlock()
    {
        long left = source.Length - _position;
        if (left < BlockSize)
        {
            return left == 0 ? false : throw Malformed(_position, "it ends within a header");
        }

        source.ReadExactly(_position, _block);
        if (!_block.AsSpan().ContainsAnyExcept((byte)0))
        {
            return false;
        }

        long stored = Number(148, 8, _position);
        long sum = 8 * ' ';
        long signedSum = sum;
        for (int i = 0; i < BlockSize; i++)
        {
            if (i is < 148 or >= 156)
            {
                sum += _block[i];
                signedSum += (sbyte)_block[i];
            }
        }

        if (stored != sum && stored != signedSum)
        {
            throw Malformed(_position, "a header's checksum is wrong");
        }

        _position += BlockSize;
        return true;
    }

    byte[] ReadExtension(long size, long start)
    {
        if (size is < 0 or > MaxExtension)
        {
            throw Malformed(start, $"an extended header of {size} bytes is too large");
        }

        long dataStart = _position;
        Skip(size, start);
        byte[] data = new byte[size];
        source.ReadExactly(dataStart, data);
        return data;
    }

    void Skip(long size, long start)
    {
        if (size < 0 || size > source.Length - _position)
        {
            throw Malformed(start, $"a file of {size} bytes reaches beyond its end");
        }

        // The last file's filling may be missing.
        _position = Math.Min(_position + Padded(size), source.Length);
    }

    string HeaderName()
    {
        string name = UntilNul(_block.AsSpan(0, 100));
        bool ustar = _block.AsSpan(257, 6).SequenceEqual("ustar\0"u8);
        string prefix = ustar ? UntilNul(_block.AsSpan(345, 155)) : "";
        return prefix.Length == 0 ? name : $"{prefix}/{name}";
    }

    long Number(int offset, int length, long start)
    {
        ReadOnlySpan<byte> field = _block.AsSpan(offset, length);
        if ((field[0] & 0x80) != 0)
        {
            return BinaryNumber(field, start);
        }

        field = field.Trim(" \0"u8);
        long value = 0;
        foreach (byte digit in field)
        {
            if (digit is (byte)0 or (byte)' ')
            {
                break;
            }

            value = digit is >= (byte)'0' and <= (byte)'7' ? (value << 3) | (uint)(digit - '0')
                : throw Malformed(start, "a number is not octal");
        }

        return value;
    }

    static long BinaryNumber(ReadOnlySpan<byte> field, long start)
    {
        // 0x80 begins a positive number, 0xff a negative one; only 64 bits may be used.
        Span<byte> bytes = stackalloc byte[12];
        bool negative = (field[0] & 0x40) != 0;
        bytes.Fill(negative ? (byte)0xff : (byte)0);
        field.CopyTo(bytes[(12 - field.Length)..]);
        bytes[12 - field.Length] = negative ? (byte)(field[0] | 0x80) : (byte)(field[0] & 0x7f);
        long value = BinaryPrimitives.ReadInt64BigEndian(bytes[4..]);
        bool fits = !bytes[..4].ContainsAnyExcept(negative ? (byte)0xff : (byte)0) && (value < 0) == negative;
        return fits ? value : throw Malformed(start, "a number has more than 64 bits");
    }

    static uint Id(long number, string path, long start) =>
        number is >= 0 and <= uint.MaxValue ? (uint)number
            : throw Malformed(start, $"'{path}' has the number {number}, which is none of 32 bits");

    static string UntilNul(ReadOnlySpan<byte> bytes)
    {
        int end = bytes.IndexOf((byte)0);
        return UnixPath.Decode(end < 0 ? bytes : bytes[..end]);
    }

    internal static long Padded(long size) => (size + BlockSize - 1) & ~(long)(BlockSize - 1);

    internal static RootFileSystemException Malformed(long offset, string what) =>
        new(RootFileSystemError.MalformedArchive, $"The tar archive is malformed at byte {offset}: {what}.");
}
