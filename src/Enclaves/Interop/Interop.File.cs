using System.Runtime.InteropServices;
using Microsoft.Win32.SafeHandles;

namespace NitroEnclaves.Enclaves;

/// <summary>Calls of the C library that .NET does not offer, by area; names are the native ones.</summary>
static partial class Interop
{
    internal const int O_RDONLY = 0;
    internal const int O_RDWR = 2;
    internal const int O_WRONLY = 1;
    internal const int O_CREAT = 0x40;
    internal const int O_EXCL = 0x80;
    internal const int O_APPEND = 0x400;
    internal const int O_DIRECTORY = 0x10000;
    internal const int O_NOFOLLOW = 0x20000;
    internal const int O_CLOEXEC = 0x80000;

    internal const int LOCK_EX = 2;
    internal const int LOCK_NB = 4;

    internal const int F_DUPFD_CLOEXEC = 1030;

    internal const uint MFD_CLOEXEC = 1;

    internal const int R_OK = 4;
    internal const int W_OK = 2;

    internal const int EINTR = 4;
    internal const int EWOULDBLOCK = 11;
    internal const int EEXIST = 17;

    [LibraryImport("libc", SetLastError = true, StringMarshalling = StringMarshalling.Utf8)]
    internal static partial SafeFileHandle open(string pathname, int flags, uint mode);

    // .NET's own FileShare takes a shared lock even for reading; a lock that says "alive" must be left alone by readers.
    [LibraryImport("libc", SetLastError = true)]
    internal static partial int flock(SafeHandle fd, int operation);

    [LibraryImport("libc", SetLastError = true)]
    internal static partial int fcntl(SafeHandle fd, int cmd, int arg);

    [LibraryImport("libc", SetLastError = true)]
    internal static partial int close(int fd);

    [LibraryImport("libc", SetLastError = true, StringMarshalling = StringMarshalling.Utf8)]
    internal static partial SafeFileHandle memfd_create(string name, uint flags);

    [LibraryImport("libc", SetLastError = true, StringMarshalling = StringMarshalling.Utf8)]
    internal static partial int access(string pathname, int mode);

    [LibraryImport("libc")]
    internal static partial uint geteuid();

    [LibraryImport("libc")]
    internal static partial uint getegid();

    [LibraryImport("libc", SetLastError = true, StringMarshalling = StringMarshalling.Utf8)]
    internal static partial int statx(int dirfd, string pathname, int flags, uint mask, out statx_t statxbuf);

    internal const int AT_FDCWD = -100;
    internal const int AT_SYMLINK_NOFOLLOW = 0x100;
    internal const int AT_EMPTY_PATH = 0x1000;
    internal const uint STATX_BASIC_STATS = 0x7ff;

    /// <summary>The first fields of <c>struct statx</c> (256 bytes), the same on every architecture.</summary>
    [StructLayout(LayoutKind.Explicit, Size = 256)]
    internal struct statx_t
    {
        [FieldOffset(20)]
        internal uint stx_uid;

        [FieldOffset(24)]
        internal uint stx_gid;

        [FieldOffset(28)]
        internal ushort stx_mode;

        [FieldOffset(32)]
        internal ulong stx_ino;

        [FieldOffset(136)]
        internal uint stx_dev_major;

        [FieldOffset(140)]
        internal uint stx_dev_minor;
    }
}
