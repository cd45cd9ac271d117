using System.Runtime.InteropServices;

namespace NitroEnclaves.Images;

static partial class Interop
{
    /// <summary>liblzma, the stream decoder (lzma/base.h, lzma/container.h).</summary>
    internal static unsafe partial class Lzma
    {
        internal const string Library = "lzma";

        internal const int LZMA_OK = 0;
        internal const int LZMA_STREAM_END = 1;
        internal const int LZMA_RUN = 0;
        internal const int LZMA_FINISH = 3;
        internal const uint LZMA_CONCATENATED = 0x08;

        [LibraryImport(Library)]
        internal static partial int lzma_stream_decoder(lzma_stream* strm, ulong memlimit, uint flags);

        [LibraryImport(Library)]
        internal static partial int lzma_code(lzma_stream* strm, int action);

        [LibraryImport(Library)]
        internal static partial void lzma_end(lzma_stream* strm);

        [StructLayout(LayoutKind.Sequential)]
        internal struct lzma_stream
        {
            internal byte* next_in;
            internal nuint avail_in;
            internal ulong total_in;
            internal byte* next_out;
            internal nuint avail_out;
            internal ulong total_out;
            internal nint allocator;
            internal nint @internal;
            internal nint reserved_ptr1;
            internal nint reserved_ptr2;
            internal nint reserved_ptr3;
            internal nint reserved_ptr4;
            internal ulong seek_pos;
            internal ulong reserved_int2;
            internal nuint reserved_int3;
            internal nuint reserved_int4;
            internal int reserved_enum1;
            internal int reserved_enum2;
        }

        /// <summary>
        /// A decoder's state at a fixed address: liblzma keeps pointers into it. The handle is that address.
        /// </summary>
        internal sealed class DecoderHandle : SafeHandle
        {
            internal DecoderHandle(ulong memlimit, uint flags) : base(0, ownsHandle: true)
            {
                SetHandle((nint)NativeMemory.AllocZeroed((nuint)sizeof(lzma_stream)));
                int result = lzma_stream_decoder(Stream, memlimit, flags);
                if (result != LZMA_OK)
                {
                    throw new InvalidDataException($"liblzma could not start (error {result}).");
                }
            }

            internal lzma_stream* Stream => (lzma_stream*)handle;

            public override bool IsInvalid => handle == 0;

            protected override bool ReleaseHandle()
            {
                lzma_end(Stream);
                NativeMemory.Free(Stream);
                return true;
            }
        }
    }
}
