using System.Runtime.InteropServices;

namespace NitroEnclaves.Enclaves;

static unsafe partial class Interop
{
    /// <summary>Calls on the sockets of programs in a process engine's enclave, which the supervisor holds for a moment only.</summary>
    internal static partial class EnclaveSocket
    {
        internal const int AF_VSOCK = 40;
        internal const int SOCK_TYPE_MASK = 0xF;
        internal const int SOCK_SEQPACKET = 5;
        internal const int SOCK_DGRAM = 2;

        internal const int SO_ERROR = 4;
        internal const int SO_RCVTIMEO = 20;
        internal const int SO_DOMAIN = 39;
        internal const int SO_COOKIE = 57;

        internal const int F_GETFL = 3;

        internal const short POLLOUT = 4;
        internal const int F_SETFL = 4;
        internal const int O_NONBLOCK = 0x800;

        internal const int AT_EMPTY_PATH = 0x1000;
        internal const uint STATX_INO = 0x100;

        [LibraryImport("libc", SetLastError = true)]
        internal static partial int getsockopt(SafeHandle sockfd, int level, int optname, void* optval, uint* optlen);

        [LibraryImport("libc", SetLastError = true)]
        internal static partial int getpeername(SafeHandle sockfd, byte* addr, uint* addrlen);

        [LibraryImport("libc", SetLastError = true)]
        internal static partial int statx(int dirfd, byte* pathname, int flags, uint mask, byte* statxbuf);
    }

    /// <summary>Error numbers, the same on x86-64 and aarch64.</summary>
    internal static class Errno
    {
        internal const int EPERM = 1;
        internal const int ENOENT = 2;
        internal const int ESRCH = 3;
        internal const int EINTR = 4;
        internal const int EBADF = 9;
        internal const int EAGAIN = 11;
        internal const int EACCES = 13;
        internal const int EFAULT = 14;
        internal const int EBUSY = 16;
        internal const int ENODEV = 19;
        internal const int EINVAL = 22;
        internal const int EMFILE = 24;
        internal const int ENOSPC = 28;
        internal const int ENOSYS = 38;
        internal const int EMSGSIZE = 90;
        internal const int ENOPROTOOPT = 92;
        internal const int EPROTONOSUPPORT = 93;
        internal const int ESOCKTNOSUPPORT = 94;
        internal const int EOPNOTSUPP = 95;
        internal const int EAFNOSUPPORT = 97;
        internal const int EADDRINUSE = 98;
        internal const int EADDRNOTAVAIL = 99;
        internal const int ECONNRESET = 104;
        internal const int EISCONN = 106;
        internal const int ENOTCONN = 107;
        internal const int EINPROGRESS = 115;

        // The kernel's own: the call is started again, or ends with EINTR, as the signal's handler says.
        internal const int ERESTARTSYS = 512;
    }
}
