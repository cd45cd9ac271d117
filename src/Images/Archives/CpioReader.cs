namespace NitroEnclaves.Images;

/// <summary>
/// Walks through what Linux takes as an initial RAM file system: one or more "newc" archives (with or without checksums, which the
/// kernel ignores too) with zeros between. Contents are not read, only located.
/// </summary>
sealed class CpioReader(ByteSource source)
{
    const int HeaderSize = 110;

    readonly byte[] _header = new byte[HeaderSize];
    long _position;

    /// <summary>The next file; null at the end.</summary>
    /// <param name="content">The file's data, or a symbolic link's target.</param>
    /// <exception cref="RootFileSystemException">The archive is malformed or of another form.</exception>
    public CpioEntry? Read(out ByteSource content)
    {
        content = ByteSource.FromMemory(default);
        while (SkipZeros())
        {
            long start = _position;
            ReadExactly(_header, start);
            if (!_header.AsSpan().StartsWith("070701"u8) && !_header.AsSpan().StartsWith("070702"u8))
            {
                throw start == 0
                    ? new RootFileSystemException(RootFileSystemError.UnsupportedArchive, "The ramdisk is not a \"newc\" cpio archive.")
                    : Malformed(start, "another file's header belongs there");
            }

            uint size = Field(6, start);
            var name = ReadName(Field(11, start), start);
            if (size > source.Length - _position)
            {
                throw Malformed(start, $"a file of {size} bytes reaches beyond its end");
            }

            content = source.Slice(_position, size);
            _position = Align(_position + size);
            if (name == "TRAILER!!!")
            {
                continue;
            }

            return new CpioEntry
            {
                Name = name,
                Inode = Field(0, start),
                Mode = Field(1, start),
                UserId = Field(2, start),
                GroupId = Field(3, start),
                Links = Field(4, start),
                ModificationTime = Field(5, start),
                DeviceMajor = Field(7, start),
                DeviceMinor = Field(8, start),
                TargetDeviceMajor = Field(9, start),
                TargetDeviceMinor = Field(10, start),
            };
        }

        return null;
    }

    bool SkipZeros()
    {
        Span<byte> word = stackalloc byte[4];
        while (_position < source.Length)
        {
            int read = source.Read(_position, word[..(int)Math.Min(4, source.Length - _position)]);
            if (word[..read].ContainsAnyExcept((byte)0))
            {
                return true;
            }

            _position += read;
        }

        return false;
    }

    string ReadName(uint length, long start)
    {
        if (length is < 2 or > UnixPath.MaxLength)
        {
            throw Malformed(start, $"a name has {length} bytes");
        }

        Span<byte> name = stackalloc byte[(int)length];
        ReadExactly(name, start);
        _position = Align(_position);
        return name.IndexOf((byte)0) == name.Length - 1 ? UnixPath.Decode(name[..^1])
            : throw Malformed(start, "a name does not end with its only NUL");
    }

    void ReadExactly(Span<byte> buffer, long start)
    {
        if (buffer.Length > source.Length - _position)
        {
            throw Malformed(start, "it ends within a header");
        }

        source.ReadExactly(_position, buffer);
        _position += buffer.Length;
    }

    uint Field(int index, long start) =>
        uint.TryParse(_header.AsSpan(6 + (8 * index), 8), System.Globalization.NumberStyles.AllowHexSpecifier, null, out uint value)
            ? value
            : throw Malformed(start, "a number is not hexadecimal");

    static long Align(long position) => (position + 3) & ~3L;

    static RootFileSystemException Malformed(long offset, string what) =>
        new(RootFileSystemError.MalformedArchive, $"The cpio archive is malformed at byte {offset}: {what}.");
}
