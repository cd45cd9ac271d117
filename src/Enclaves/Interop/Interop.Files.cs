using System.Runtime.InteropServices;
using Microsoft.Win32.SafeHandles;

namespace NitroEnclaves.Enclaves;

static unsafe partial class Interop
{
    /// <summary>Making files below a folder that is held open; names are bytes.</summary>
    internal static partial class Files
    {
        internal const int O_WRONLY = 1;
        internal const int O_PATH = 0x200000;
        internal const nint UTIME_OMIT = (1 << 30) - 2;

        [LibraryImport("libc", SetLastError = true)]
        internal static partial SafeFileHandle openat(SafeHandle dirfd, byte* pathname, int flags, uint mode);

        [LibraryImport("libc", SetLastError = true)]
        internal static partial int mkdirat(SafeHandle dirfd, byte* pathname, uint mode);

        [LibraryImport("libc", SetLastError = true)]
        internal static partial int symlinkat(byte* target, SafeHandle newdirfd, byte* linkpath);

        [LibraryImport("libc", SetLastError = true)]
        internal static partial int linkat(SafeHandle olddirfd, byte* oldpath, SafeHandle newdirfd, byte* newpath, int flags);

        [LibraryImport("libc", SetLastError = true)]
        internal static partial int mknodat(SafeHandle dirfd, byte* pathname, uint mode, nuint dev);

        [LibraryImport("libc", SetLastError = true)]
        internal static partial int fchownat(SafeHandle dirfd, byte* pathname, uint owner, uint group, int flags);

        [LibraryImport("libc", SetLastError = true)]
        internal static partial int fchmodat(SafeHandle dirfd, byte* pathname, uint mode, int flags);

        /// <summary>Two <c>struct timespec</c>: access and modification, each seconds and nanoseconds.</summary>
        [LibraryImport("libc", SetLastError = true)]
        internal static partial int utimensat(SafeHandle dirfd, byte* pathname, long* times, int flags);
    }
}
