using System.Runtime.InteropServices;

namespace NitroEnclaves.Virtio;

static partial class Interop
{
    /// <summary>mmap(2), munmap(2), memfd_create(2).</summary>
    internal static partial class Mman
    {
        internal const int PROT_READ = 1;
        internal const int PROT_WRITE = 2;
        internal const int MAP_SHARED = 1;
        internal const uint MFD_CLOEXEC = 1;

        [LibraryImport("libc", SetLastError = true)]
        internal static partial nint mmap(nint addr, nuint length, int prot, int flags, SafeHandle fd, long offset);

        [LibraryImport("libc", SetLastError = true)]
        internal static partial int munmap(nint addr, nuint length);

        [LibraryImport("libc", SetLastError = true, StringMarshalling = StringMarshalling.Utf8)]
        internal static partial int memfd_create(string name, uint flags);
    }
}
