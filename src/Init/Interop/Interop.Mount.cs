using System.Runtime.InteropServices;

namespace NitroEnclaves.Init;

static partial class Interop
{
    internal const nuint MS_NOSUID = 2;
    internal const nuint MS_NODEV = 4;
    internal const nuint MS_NOEXEC = 8;
    internal const nuint MS_BIND = 0x1000;
    internal const nuint MS_MOVE = 0x2000;

    internal const long RAMFS_MAGIC = 0x858458f6;
    internal const long TMPFS_MAGIC = 0x01021994;

    /// <summary>The head of <c>struct statfs</c>, which is 120 bytes long on 64-bit Linux.</summary>
    [StructLayout(LayoutKind.Sequential, Size = 120)]
    internal struct statfs_t
    {
        internal long f_type;
    }

    [LibraryImport("libc", SetLastError = true, StringMarshalling = StringMarshalling.Utf8)]
    internal static partial int statfs(string path, out statfs_t buf);

    [LibraryImport("libc", SetLastError = true, StringMarshalling = StringMarshalling.Utf8)]
    internal static partial int mount(string source, string target, string? filesystemtype, nuint mountflags, string? data);
}
