using System.Runtime.InteropServices;

#pragma warning disable CS8981 // Native names are kept, in lower case as they are.

namespace NitroEnclaves.Virtio;

static partial class Interop
{
    /// <summary>socket(7), and the descriptors that travel with messages (unix(7), cmsg(3)).</summary>
    internal static unsafe partial class Socket
    {
        internal const int AF_UNIX = 1;
        internal const int SOCK_STREAM = 1;
        internal const int SOL_SOCKET = 1;
        internal const int SO_ERROR = 4;
        internal const int SHUT_RD = 0;
        internal const int SHUT_WR = 1;
        internal const int SCM_RIGHTS = 1;
        internal const int SOCK_NONBLOCK = 0x800;
        internal const int SOCK_CLOEXEC = 0x80000;
        internal const int MSG_PEEK = 0x2;
        internal const int MSG_CTRUNC = 0x8;
        internal const int MSG_TRUNC = 0x20;
        internal const int MSG_DONTWAIT = 0x40;
        internal const int MSG_NOSIGNAL = 0x4000;
        internal const int MSG_CMSG_CLOEXEC = 0x4000_0000;

        internal const short POLLERR = 0x8;
        internal const short POLLHUP = 0x10;

        [StructLayout(LayoutKind.Sequential)]
        internal struct pollfd
        {
            internal int fd;
            internal short events;
            internal short revents;
        }

        [StructLayout(LayoutKind.Sequential)]
        internal struct iovec
        {
            internal void* iov_base;
            internal nuint iov_len;
        }

        [StructLayout(LayoutKind.Sequential)]
        internal struct msghdr
        {
            internal void* msg_name;
            internal uint msg_namelen;
            internal iovec* msg_iov;
            internal nuint msg_iovlen;
            internal void* msg_control;
            internal nuint msg_controllen;
            internal int msg_flags;
        }

        [StructLayout(LayoutKind.Sequential)]
        internal struct cmsghdr
        {
            internal nuint cmsg_len;
            internal int cmsg_level;
            internal int cmsg_type;
        }

        /// <summary>CMSG_SPACE of so many descriptors: a header and its data, rounded up to 8 bytes.</summary>
        internal static int DescriptorSpace(int count) => sizeof(cmsghdr) + ((count * sizeof(int) + 7) & ~7);

        [LibraryImport("libc", SetLastError = true)]
        internal static partial int accept4(SafeHandle sockfd, void* addr, uint* addrlen, int flags);

        [LibraryImport("libc", SetLastError = true)]
        internal static partial nint recvmsg(SafeHandle sockfd, msghdr* msg, int flags);

        [LibraryImport("libc", SetLastError = true)]
        internal static partial nint sendmsg(SafeHandle sockfd, msghdr* msg, int flags);

        [LibraryImport("libc", SetLastError = true)]
        internal static partial int poll(pollfd* fds, nuint nfds, int timeout);

        [LibraryImport("libc", SetLastError = true)]
        internal static partial int shutdown(SafeHandle sockfd, int how);

        [LibraryImport("libc", SetLastError = true)]
        internal static partial int getsockopt(SafeHandle sockfd, int level, int optname, void* optval, uint* optlen);

        [LibraryImport("libc", SetLastError = true)]
        internal static partial int socketpair(int domain, int type, int protocol, int* sv);
    }
}
