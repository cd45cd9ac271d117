using System.Runtime.InteropServices;

#pragma warning disable CS8981 // Native names are kept, in lower case as they are.

namespace NitroEnclaves.EndToEnd.Tests;

static partial class Interop
{
    /// <summary>The descriptors that travel with messages (unix(7), cmsg(3)).</summary>
    internal static unsafe partial class Socket
    {
        internal const int SOL_SOCKET = 1;
        internal const int SCM_RIGHTS = 1;
        internal const int MSG_CMSG_CLOEXEC = 0x4000_0000;

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

        [LibraryImport("libc", SetLastError = true)]
        internal static partial nint recvmsg(SafeHandle sockfd, msghdr* msg, int flags);
    }
}
