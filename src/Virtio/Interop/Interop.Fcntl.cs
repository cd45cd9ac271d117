using System.Runtime.InteropServices;

namespace NitroEnclaves.Virtio;

static partial class Interop
{
    /// <summary>fcntl(2) with an integer argument.</summary>
    internal static partial class Fcntl
    {
        internal const int F_GETFL = 3;
        internal const int F_SETFL = 4;
        internal const int O_NONBLOCK = 0x800;

        [LibraryImport("libc", SetLastError = true)]
        internal static partial int fcntl(SafeHandle fd, int cmd, int arg);
    }
}
