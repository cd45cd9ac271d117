using System.Runtime.InteropServices;

namespace NitroEnclaves.Virtio;

static partial class Interop
{
    /// <summary>eventfd(2).</summary>
    internal static partial class EventFd
    {
        internal const int EFD_CLOEXEC = 0x80000;
        internal const int EFD_NONBLOCK = 0x800;

        [LibraryImport("libc", SetLastError = true)]
        internal static partial int eventfd(uint initval, int flags);
    }
}
