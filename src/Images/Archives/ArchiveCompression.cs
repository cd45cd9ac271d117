using System.IO.Compression;

namespace NitroEnclaves.Images;

/// <summary>Archives come packed with gzip, zstd or xz, or not at all; their first bytes tell.</summary>
static class ArchiveCompression
{
    /// <summary>The most bytes an archive may unpack to.</summary>
    public const long MaxUnpackedSize = 64L << 30;

    /// <summary>The unpacked archive: a temporary file where it is packed, else a view of the source.</summary>
    /// <exception cref="RootFileSystemException">
    /// The packed data is malformed or too large, or the system lacks the library.
    /// </exception>
    public static ByteSource Unpack(ByteSource source, CancellationToken cancellationToken)
    {
        Span<byte> magic = stackalloc byte[6];
        magic = magic[..(int)Math.Min(magic.Length, source.Length)];
        source.ReadExactly(0, magic);
        var packed = new SliceStream(source, 0, source.Length);
        using Stream? unpacked = magic switch
        {
            [0x1f, 0x8b, ..] => new GZipStream(packed, CompressionMode.Decompress),
            [0x28, 0xb5, 0x2f, 0xfd, ..] => ZstandardStream.IsSupported ? new ZstandardStream(packed) : throw Missing("zstd", "libzstd"),
            [0xfd, (byte)'7', (byte)'z', (byte)'X', (byte)'Z', 0, ..] =>
                XzStream.IsSupported ? new XzStream(packed) : throw Missing("xz", "liblzma"),
            _ => null,
        };
        if (unpacked is null)
        {
            return source.Slice(0, source.Length);
        }

        try
        {
            return ByteSource.Spool(unpacked, MaxUnpackedSize, cancellationToken);
        }
        catch (InvalidDataException e)
        {
            throw new RootFileSystemException(RootFileSystemError.MalformedArchive, $"The archive's packed data is malformed: {e.Message}",
                e);
        }
    }

    static RootFileSystemException Missing(string compression, string library) =>
        new(RootFileSystemError.UnsupportedArchive, $"The archive is packed with {compression}, and {library} is not on this system.");
}
