using System.Runtime.InteropServices;

static partial class Interop
{
    /// <summary>The calls of the C library that .NET sockets lack for vsock.</summary>
    internal static partial class Libc
    {
        internal const int AF_VSOCK = 40;
        internal const int SOCK_STREAM = 1;
        internal const int SOCK_CLOEXEC = 0x80000;

        /// <summary><c>int socket(int domain, int type, int protocol)</c>: the descriptor, or -1 and errno.</summary>
        [LibraryImport("libc", SetLastError = true)]
        internal static partial int socket(int domain, int type, int protocol);
    }
}
