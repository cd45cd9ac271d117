using System.Runtime.InteropServices;

namespace NitroEnclaves.Images;

static partial class Interop
{
    /// <summary>libzstd, the streaming decompressor of its stable API (zstd.h).</summary>
    internal static unsafe partial class Zstd
    {
        internal const string Library = "zstd";

        [LibraryImport(Library)]
        internal static partial ZSTD_DStream ZSTD_createDStream();

        [LibraryImport(Library)]
        internal static partial nuint ZSTD_freeDStream(nint zds);

        [LibraryImport(Library)]
        internal static partial nuint ZSTD_decompressStream(ZSTD_DStream zds, ref ZSTD_outBuffer output, ref ZSTD_inBuffer input);

        [LibraryImport(Library)]
        internal static partial uint ZSTD_isError(nuint code);

        [StructLayout(LayoutKind.Sequential)]
        internal struct ZSTD_inBuffer
        {
            internal byte* src;
            internal nuint size;
            internal nuint pos;
        }

        [StructLayout(LayoutKind.Sequential)]
        internal struct ZSTD_outBuffer
        {
            internal byte* dst;
            internal nuint size;
            internal nuint pos;
        }

        internal sealed class ZSTD_DStream() : SafeHandle(0, ownsHandle: true)
        {
            public override bool IsInvalid => handle == 0;

            protected override bool ReleaseHandle()
            {
                _ = ZSTD_freeDStream(handle);
                return true;
            }
        }
    }
}
