using System.Runtime.InteropServices;

namespace NitroEnclaves.Virtio;

static partial class Interop
{
    /// <summary>read(2), write(2), close(2), chmod(2), ftruncate(2).</summary>
    internal static unsafe partial class Unistd
    {
        [LibraryImport("libc", SetLastError = true)]
        internal static partial nint read(SafeHandle fd, void* buf, nuint count);

        [LibraryImport("libc", SetLastError = true)]
        internal static partial nint write(SafeHandle fd, void* buf, nuint count);

        [LibraryImport("libc", SetLastError = true)]
        internal static partial int close(int fd);

        [LibraryImport("libc", SetLastError = true, StringMarshalling = StringMarshalling.Utf8)]
        internal static partial int chmod(string pathname, uint mode);

        [LibraryImport("libc", SetLastError = true)]
        internal static partial int ftruncate(SafeHandle fd, long length);
    }
}
