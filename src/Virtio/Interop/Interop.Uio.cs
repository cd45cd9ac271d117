using System.Runtime.InteropServices;

namespace NitroEnclaves.Virtio;

static partial class Interop
{
    /// <summary>readv(2), writev(2). <see cref="GuestSegment"/> has the layout of <c>struct iovec</c>.</summary>
    internal static unsafe partial class Uio
    {
        /// <summary>Most segments one call takes (UIO_MAXIOV).</summary>
        internal const int IOV_MAX = 1024;

        [LibraryImport("libc", SetLastError = true)]
        internal static partial nint readv(SafeHandle fd, GuestSegment* iov, int iovcnt);

        [LibraryImport("libc", SetLastError = true)]
        internal static partial nint writev(SafeHandle fd, GuestSegment* iov, int iovcnt);
    }
}
