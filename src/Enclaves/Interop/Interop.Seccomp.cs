using System.Runtime.InteropServices;

namespace NitroEnclaves.Enclaves;

static unsafe partial class Interop
{
    /// <summary>seccomp(2) with user notification, <c>linux/seccomp.h</c>; the same on every architecture.</summary>
    internal static partial class Seccomp
    {
        internal const int SECCOMP_SET_MODE_FILTER = 1;
        internal const int SECCOMP_FILTER_FLAG_NEW_LISTENER = 1 << 3;
        internal const int SECCOMP_FILTER_FLAG_WAIT_KILLABLE_RECV = 1 << 5;

        internal const uint SECCOMP_RET_USER_NOTIF = 0x7fc00000;
        internal const uint SECCOMP_RET_ERRNO = 0x00050000;
        internal const uint SECCOMP_RET_ALLOW = 0x7fff0000;

        internal const uint SECCOMP_USER_NOTIF_FLAG_CONTINUE = 1;
        internal const nuint SECCOMP_USER_NOTIF_FD_SYNC_WAKE_UP = 1;

        internal const nuint SECCOMP_IOCTL_NOTIF_RECV = 0xC0502100;
        internal const nuint SECCOMP_IOCTL_NOTIF_SEND = 0xC0182101;
        internal const nuint SECCOMP_IOCTL_NOTIF_ID_VALID = 0x40082102;
        internal const nuint SECCOMP_IOCTL_NOTIF_ADDFD = 0x40182103;
        internal const nuint SECCOMP_IOCTL_NOTIF_SET_FLAGS = 0x40082104;

#pragma warning disable CS8981 // Native names are kept.
        /// <summary><c>struct seccomp_notif</c>, with <c>struct seccomp_data</c> in place. 80 bytes.</summary>
        [StructLayout(LayoutKind.Sequential)]
        internal struct seccomp_notif
        {
            internal ulong id;
            internal uint pid;
            internal uint flags;
            internal int nr;
            internal uint arch;
            internal ulong instruction_pointer;
            internal fixed ulong args[6];
        }

        /// <summary><c>struct seccomp_notif_resp</c>, 24 bytes.</summary>
        [StructLayout(LayoutKind.Sequential)]
        internal struct seccomp_notif_resp
        {
            internal ulong id;
            internal long val;
            internal int error;
            internal uint flags;
        }

        /// <summary><c>struct seccomp_notif_addfd</c>, 24 bytes.</summary>
        [StructLayout(LayoutKind.Sequential)]
        internal struct seccomp_notif_addfd
        {
            internal ulong id;
            internal uint flags;
            internal uint srcfd;
            internal uint newfd;
            internal uint newfd_flags;
        }
#pragma warning restore CS8981

        [LibraryImport("libc", SetLastError = true)]
        internal static partial int ioctl(SafeHandle fd, nuint request, void* argument);

        [LibraryImport("libc", SetLastError = true, EntryPoint = "ioctl")]
        internal static partial int ioctl_value(SafeHandle fd, nuint request, nuint argument);
    }
}
