using System.Runtime.InteropServices;

namespace NitroEnclaves.Enclaves;

static partial class Interop
{
    /// <summary>Sockets that never block: the class library's own always wait for a full backlog of a unix(7) socket.</summary>
    internal static unsafe partial class UnixSocket
    {
        internal const int AF_UNIX = 1;
        internal const int SOCK_STREAM = 1;
        internal const int SOCK_SEQPACKET = 5;
        internal const int SOL_SOCKET = 1;
        internal const int SO_SNDBUF = 7;
        internal const int SOCK_NONBLOCK = 0x800;
        internal const int SOCK_CLOEXEC = 0x80000;
        internal const int MSG_PEEK = 0x2;
        internal const int MSG_DONTWAIT = 0x40;
        internal const int MSG_NOSIGNAL = 0x4000;

        internal const int EINTR = 4;
        internal const int EAGAIN = 11;
        internal const int ECONNABORTED = 103;
        internal const int EINPROGRESS = 115;

        [LibraryImport("libc", SetLastError = true)]
        internal static partial int socket(int domain, int type, int protocol);

        [LibraryImport("libc", SetLastError = true)]
        internal static partial int socketpair(int domain, int type, int protocol, int* sv);

        [LibraryImport("libc", SetLastError = true)]
        internal static partial int bind(SafeHandle sockfd, byte* addr, uint addrlen);

        [LibraryImport("libc", SetLastError = true)]
        internal static partial int connect(SafeHandle sockfd, byte* addr, uint addrlen);

        [LibraryImport("libc", SetLastError = true)]
        internal static partial int accept4(SafeHandle sockfd, byte* addr, uint* addrlen, int flags);

        [LibraryImport("libc", SetLastError = true)]
        internal static partial int getpeername(SafeHandle sockfd, byte* addr, uint* addrlen);

        [LibraryImport("libc", SetLastError = true)]
        internal static partial int setsockopt(SafeHandle sockfd, int level, int optname, void* optval, uint optlen);

        [LibraryImport("libc", SetLastError = true)]
        internal static partial int listen(SafeHandle sockfd, int backlog);

        [LibraryImport("libc", SetLastError = true)]
        internal static partial nint recv(SafeHandle sockfd, byte* buf, nuint len, int flags);

        [LibraryImport("libc", SetLastError = true)]
        internal static partial nint send(SafeHandle sockfd, byte* buf, nuint len, int flags);
    }
}
