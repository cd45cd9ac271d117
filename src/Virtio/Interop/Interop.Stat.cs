using System.Runtime.InteropServices;

namespace NitroEnclaves.Virtio;

static partial class Interop
{
    /// <summary>statx(2): unlike <c>struct stat</c> its buffer has one layout on every architecture.</summary>
    internal static partial class Stat
    {
        internal const int AT_EMPTY_PATH = 0x1000;
        internal const uint STATX_TYPE = 0x1;
        internal const uint STATX_SIZE = 0x200;
        internal const ushort S_IFMT = 0xF000;
        internal const ushort S_IFREG = 0x8000;
        internal const ushort S_IFSOCK = 0xC000;
        internal const int AT_FDCWD = -100;

        /// <summary><c>struct statx</c>, the members in use; 256 bytes in all.</summary>
        [StructLayout(LayoutKind.Explicit, Size = 256)]
        internal struct statx_buffer
        {
            [FieldOffset(4)] internal uint stx_blksize;
            [FieldOffset(28)] internal ushort stx_mode;
            [FieldOffset(40)] internal ulong stx_size;
        }

        [LibraryImport("libc", SetLastError = true, StringMarshalling = StringMarshalling.Utf8)]
        internal static partial int statx(SafeHandle dirfd, string pathname, int flags, uint mask, out statx_buffer statxbuf);

        [LibraryImport("libc", SetLastError = true, StringMarshalling = StringMarshalling.Utf8)]
        internal static partial int statx(int dirfd, string pathname, int flags, uint mask, out statx_buffer statxbuf);
    }
}
