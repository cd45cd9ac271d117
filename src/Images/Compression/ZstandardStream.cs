namespace NitroEnclaves.Images;

/// <summary>Unpacks Zstandard frames (RFC 8878) with the system's libzstd, whose window limit of 128 MiB bounds the memory.</summary>
sealed class ZstandardStream(Stream input) : DecompressionStream(input)
{
    readonly Interop.Zstd.ZSTD_DStream _stream = Interop.Zstd.ZSTD_createDStream();
    bool _betweenFrames = true;

    /// <summary>True where the system has libzstd.</summary>
    public static bool IsSupported => NativeLibraries.IsAvailable(Interop.Zstd.Library);

    // Unsafe: libzstd takes pointers in structures. Both buffers stay pinned for the call, and it reports how far it got in each.
    protected override unsafe int Decompress(ReadOnlySpan<byte> source, Span<byte> destination, bool last, out int consumed,
        out bool finished)
    {
        if (source.IsEmpty && _betweenFrames)
        {
            consumed = 0;
            finished = true;
            return 0;
        }

        fixed (byte* src = source)
        fixed (byte* dst = destination)
        {
            var from = new Interop.Zstd.ZSTD_inBuffer { src = src, size = (nuint)source.Length };
            var to = new Interop.Zstd.ZSTD_outBuffer { dst = dst, size = (nuint)destination.Length };
            nuint left = Interop.Zstd.ZSTD_decompressStream(_stream, ref to, ref from);
            if (Interop.Zstd.ZSTD_isError(left) != 0)
            {
                throw new InvalidDataException("The Zstandard data is malformed.");
            }

            // 0 says that a frame ended and is all written.
            _betweenFrames = left == 0;
            consumed = (int)from.pos;
            finished = _betweenFrames;
            return (int)to.pos;
        }
    }

    protected override void Dispose(bool disposing)
    {
        if (disposing)
        {
            _stream.Dispose();
        }

        base.Dispose(disposing);
    }
}
