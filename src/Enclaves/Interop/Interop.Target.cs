using System.Runtime.InteropServices;

namespace NitroEnclaves.Enclaves;

static unsafe partial class Interop
{
    /// <summary>What reaches into another process: its memory and its descriptors. The numbers are the same on every architecture from 424 on.</summary>
    internal static partial class Target
    {
        internal const nint SYS_pidfd_getfd = 438;
        internal const nint PIDFD_THREAD = 0x80;

#pragma warning disable CS8981 // Native names are kept.
        [StructLayout(LayoutKind.Sequential)]
        internal struct iovec
        {
            internal nuint iov_base;
            internal nuint iov_len;
        }
#pragma warning restore CS8981

        [LibraryImport("libc", SetLastError = true)]
        internal static partial nint process_vm_readv(int pid, iovec* local_iov, nuint liovcnt, iovec* remote_iov, nuint riovcnt, nuint flags);

        [LibraryImport("libc", SetLastError = true)]
        internal static partial nint process_vm_writev(int pid, iovec* local_iov, nuint liovcnt, iovec* remote_iov, nuint riovcnt, nuint flags);

        [LibraryImport("libc", SetLastError = true)]
        internal static partial nint syscall(nint number, nint argument0, nint argument1, nint argument2);

        internal const nint SYS_pidfd_send_signal = 424;

        [LibraryImport("libc", SetLastError = true)]
        internal static partial nint syscall(nint number, nint argument0, nint argument1, nint argument2, nint argument3);
    }
}
