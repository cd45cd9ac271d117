using System.Runtime.CompilerServices;
using System.Runtime.InteropServices;
using Microsoft.Win32.SafeHandles;

namespace NitroEnclaves.Init;

static partial class Interop
{
    internal const int AF_INET = 2;
    internal const int AF_VSOCK = 40;
    internal const int SOCK_STREAM = 1;
    internal const int SOCK_DGRAM = 2;
    internal const int SOCK_CLOEXEC = 0x80000;
    internal const int SOL_SOCKET = 1;
    internal const int SO_RCVTIMEO = 20;
    internal const int SO_SNDTIMEO = 21;
    internal const int SO_VM_SOCKETS_CONNECT_TIMEOUT = 6;
    internal const int SHUT_WR = 1;
    internal const int MSG_NOSIGNAL = 0x4000;

    internal const nuint SIOCGIFFLAGS = 0x8913;
    internal const nuint SIOCSIFFLAGS = 0x8914;
    internal const short IFF_UP = 1;

    [StructLayout(LayoutKind.Sequential)]
    internal struct sockaddr_vm
    {
        internal ushort svm_family;
        internal ushort svm_reserved1;
        internal uint svm_port;
        internal uint svm_cid;
        internal uint svm_zero;
    }

    [StructLayout(LayoutKind.Sequential)]
    internal struct timeval
    {
        internal long tv_sec;
        internal long tv_usec;
    }

    [InlineArray(16)]
    internal struct InterfaceName
    {
        byte _first;
    }

    /// <summary><c>struct ifreq</c> as the flag calls use it: 40 bytes on 64-bit Linux.</summary>
    [StructLayout(LayoutKind.Sequential, Size = 40)]
    internal struct ifreq
    {
        internal InterfaceName ifr_name;
        internal short ifr_flags;
    }

    [LibraryImport("libc", SetLastError = true)]
    internal static partial SafeFileHandle socket(int domain, int type, int protocol);

    [LibraryImport("libc", SetLastError = true)]
    internal static partial int connect(SafeFileHandle sockfd, in sockaddr_vm addr, uint addrlen);

    [LibraryImport("libc", SetLastError = true)]
    internal static partial int setsockopt(SafeFileHandle sockfd, int level, int optname, in timeval optval, uint optlen);

    [LibraryImport("libc", SetLastError = true)]
    internal static partial nint send(SafeFileHandle sockfd, ReadOnlySpan<byte> buffer, nint length, int flags);

    [LibraryImport("libc", SetLastError = true)]
    internal static partial int shutdown(SafeFileHandle sockfd, int how);

    [LibraryImport("libc", SetLastError = true)]
    internal static partial int ioctl(SafeFileHandle fd, nuint request, ref ifreq argument);
}
