using System.Runtime.InteropServices;

namespace NitroEnclaves.Nsm;

/// <summary>The kernel's interface to the NSM: include/uapi/linux/nsm.h, one ioctl on a character device.</summary>
static partial class Interop
{
    const string Libc = "libc";

    // _IOWR(NSM_MAGIC = 0x0A, 0x00, struct nsm_raw); the same number on x86-64 and AArch64.
    internal const nuint NSM_IOCTL_RAW = 0xC0200A00;

    internal const int O_RDWR = 0x2;
    internal const int O_CLOEXEC = 0x80000;

    internal const int ENOENT = 2;
    internal const int EINTR = 4;
    internal const int EACCES = 13;
    internal const int EMSGSIZE = 90;
    internal const int ETIMEDOUT = 110;

    [LibraryImport(Libc, SetLastError = true, StringMarshalling = StringMarshalling.Utf8)]
    internal static partial int open(string pathname, int flags);

    [LibraryImport(Libc, SetLastError = true)]
    internal static partial int ioctl(SafeNsmHandle fd, nuint request, ref nsm_raw argp);

    [LibraryImport(Libc)]
    internal static partial int close(int fd);

    // struct nsm_iovec { __u64 addr; __u64 len; };
    [StructLayout(LayoutKind.Sequential)]
    internal struct nsm_iovec
    {
        internal ulong addr;
        internal ulong len;
    }

    // struct nsm_raw { struct nsm_iovec request; struct nsm_iovec response; };
    [StructLayout(LayoutKind.Sequential)]
    internal struct nsm_raw
    {
        internal nsm_iovec request;
        internal nsm_iovec response;
    }
}
