using System.Runtime.InteropServices;

namespace NitroEnclaves.Virtio;

static partial class Interop
{
    /// <summary>epoll(7).</summary>
    internal static unsafe partial class Epoll
    {
        internal const int EPOLL_CLOEXEC = 0x80000;
        internal const int EPOLL_CTL_ADD = 1;
        internal const int EPOLL_CTL_DEL = 2;
        internal const int EPOLL_CTL_MOD = 3;

        /// <summary>
        /// Bytes of one <c>struct epoll_event { u32 events; u64 data; }</c>: packed on x86-64 only, so that 32-bit programs
        /// there see the same layout; every other architecture aligns <c>data</c>.
        /// </summary>
        internal static readonly int EventSize = RuntimeInformation.ProcessArchitecture == Architecture.X64 ? 12 : 16;

        /// <summary>Offset of <c>data</c> in the structure.</summary>
        internal static readonly int DataOffset = EventSize - sizeof(ulong);

        [LibraryImport("libc", SetLastError = true)]
        internal static partial int epoll_create1(int flags);

        [LibraryImport("libc", SetLastError = true)]
        internal static partial int epoll_ctl(SafeHandle epfd, int op, SafeHandle fd, byte* @event);

        [LibraryImport("libc", SetLastError = true)]
        internal static partial int epoll_wait(SafeHandle epfd, byte* events, int maxevents, int timeout);
    }
}
