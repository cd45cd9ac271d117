using System.Runtime.InteropServices;
using System.Runtime.Versioning;

namespace NitroEnclaves.Images;

static partial class Interop
{
    /// <summary>The C library of Linux.</summary>
    [SupportedOSPlatform("linux")]
    internal static partial class Libc
    {
        internal const int AT_FDCWD = -100;
        internal const int AT_SYMLINK_NOFOLLOW = 0x100;
        internal const uint STATX_BASIC_STATS = 0x7ff;
        internal const int S_IFMT = 0xF000;

        [LibraryImport("libc", SetLastError = true, StringMarshalling = StringMarshalling.Utf8)]
        internal static partial int statx(int dirfd, string pathname, int flags, uint mask, out statx_buffer statxbuf);

        [StructLayout(LayoutKind.Sequential)]
        internal struct statx_timestamp
        {
            internal long tv_sec;
            internal uint tv_nsec;
            internal int __reserved;
        }

        [StructLayout(LayoutKind.Sequential, Size = 256)]
        internal struct statx_buffer
        {
            internal uint stx_mask;
            internal uint stx_blksize;
            internal ulong stx_attributes;
            internal uint stx_nlink;
            internal uint stx_uid;
            internal uint stx_gid;
            internal ushort stx_mode;
            internal ushort __spare0;
            internal ulong stx_ino;
            internal ulong stx_size;
            internal ulong stx_blocks;
            internal ulong stx_attributes_mask;
            internal statx_timestamp stx_atime;
            internal statx_timestamp stx_btime;
            internal statx_timestamp stx_ctime;
            internal statx_timestamp stx_mtime;
            internal uint stx_rdev_major;
            internal uint stx_rdev_minor;
            internal uint stx_dev_major;
            internal uint stx_dev_minor;
        }
    }
}
