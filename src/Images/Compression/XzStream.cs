namespace NitroEnclaves.Images;

/// <summary>Unpacks .xz data with the system's liblzma, in at most 256 MiB of memory.</summary>
sealed class XzStream(Stream input) : DecompressionStream(input)
{
    const ulong MemoryLimit = 256 << 20;

    readonly Interop.Lzma.DecoderHandle _decoder = new(MemoryLimit, Interop.Lzma.LZMA_CONCATENATED);
    bool _ended;

    /// <summary>True where the system has liblzma.</summary>
    public static bool IsSupported => NativeLibraries.IsAvailable(Interop.Lzma.Library);

    // Unsafe: liblzma takes pointers in a structure. Both buffers stay pinned for the call, which is the only one to use them,
    // and the handle outlives it.
    protected override unsafe int Decompress(ReadOnlySpan<byte> source, Span<byte> destination, bool last, out int consumed,
        out bool finished)
    {
        consumed = 0;
        finished = _ended;
        if (_ended)
        {
            return 0;
        }

        fixed (byte* src = source)
        fixed (byte* dst = destination)
        {
            var stream = _decoder.Stream;
            stream->next_in = src;
            stream->avail_in = (nuint)source.Length;
            stream->next_out = dst;
            stream->avail_out = (nuint)destination.Length;
            int result = Interop.Lzma.lzma_code(stream, last ? Interop.Lzma.LZMA_FINISH : Interop.Lzma.LZMA_RUN);
            GC.KeepAlive(_decoder);
            if (result is not (Interop.Lzma.LZMA_OK or Interop.Lzma.LZMA_STREAM_END))
            {
                throw new InvalidDataException($"The xz data is malformed (liblzma's error {result}).");
            }

            _ended = finished = result == Interop.Lzma.LZMA_STREAM_END;
            consumed = source.Length - (int)stream->avail_in;
            return destination.Length - (int)stream->avail_out;
        }
    }

    protected override void Dispose(bool disposing)
    {
        if (disposing)
        {
            _decoder.Dispose();
        }

        base.Dispose(disposing);
    }
}
