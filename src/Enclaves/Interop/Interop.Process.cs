using System.Runtime.InteropServices;

namespace NitroEnclaves.Enclaves;

static unsafe partial class Interop
{
    internal const int SIGKILL = 9;
    internal const int SIGTERM = 15;

    internal const int P_PID = 1;
    internal const int WEXITED = 4;
    internal const int WNOWAIT = 0x01000000;

    internal const int CLD_EXITED = 1;

    internal const short POSIX_SPAWN_SETSIGDEF = 0x04;
    internal const short POSIX_SPAWN_SETSIGMASK = 0x08;
    internal const short POSIX_SPAWN_SETSID = 0x80;

    /// <summary>Room for <c>posix_spawnattr_t</c>, <c>posix_spawn_file_actions_t</c> and <c>sigset_t</c> of glibc (336, 80, 128) and musl.</summary>
    internal const int OpaqueSize = 512;

    [LibraryImport("libc")]
    internal static partial int posix_spawnattr_init(byte* attr);

    [LibraryImport("libc")]
    internal static partial int posix_spawnattr_destroy(byte* attr);

    [LibraryImport("libc")]
    internal static partial int posix_spawnattr_setflags(byte* attr, short flags);

    [LibraryImport("libc")]
    internal static partial int posix_spawnattr_setsigdefault(byte* attr, byte* sigdefault);

    [LibraryImport("libc")]
    internal static partial int posix_spawnattr_setsigmask(byte* attr, byte* sigmask);

    [LibraryImport("libc")]
    internal static partial int posix_spawn_file_actions_init(byte* file_actions);

    [LibraryImport("libc")]
    internal static partial int posix_spawn_file_actions_destroy(byte* file_actions);

    [LibraryImport("libc")]
    internal static partial int posix_spawn_file_actions_adddup2(byte* file_actions, int fildes, int newfildes);

    [LibraryImport("libc")]
    internal static partial int posix_spawn_file_actions_addopen(byte* file_actions, int fildes, byte* path, int oflag, uint mode);

    [LibraryImport("libc")]
    internal static partial int posix_spawn_file_actions_addclose(byte* file_actions, int fildes);

    [LibraryImport("libc")]
    internal static partial int posix_spawn_file_actions_addclosefrom_np(byte* file_actions, int from);

    [LibraryImport("libc")]
    internal static partial int posix_spawnp(int* pid, byte* file, byte* file_actions, byte* attrp, byte** argv, byte** envp);

    internal const int _SC_OPEN_MAX = 4;

    [LibraryImport("libc")]
    internal static partial nint sysconf(int name);

    [LibraryImport("libc")]
    internal static partial int sigemptyset(byte* set);

    [LibraryImport("libc")]
    internal static partial int sigaddset(byte* set, int signum);

    [LibraryImport("libc", SetLastError = true)]
    internal static partial int waitid(int idtype, int id, siginfo_t* infop, int options);

    // glibc has a function for it only since 2.36; the number is the same on every architecture.
    internal const nint SYS_pidfd_open = 434;
    internal const short POLLIN = 1;

    [LibraryImport("libc", SetLastError = true)]
    internal static partial nint syscall(nint number, nint argument0, nint argument1);

    [LibraryImport("libc", SetLastError = true)]
    internal static partial int poll(pollfd* fds, nuint nfds, int timeout);

#pragma warning disable CS8981 // Native names are kept.
    [StructLayout(LayoutKind.Sequential)]
    internal struct pollfd
#pragma warning restore CS8981
    {
        internal int fd;
        internal short events;
        internal short revents;
    }

    [LibraryImport("libc", SetLastError = true)]
    internal static partial int kill(int pid, int sig);

    [LibraryImport("libc", SetLastError = true)]
    internal static partial int sched_setaffinity(int pid, nuint cpusetsize, byte* mask);

    [LibraryImport("libc", SetLastError = true)]
    internal static partial int sched_getaffinity(int pid, nuint cpusetsize, byte* mask);

    /// <summary><c>siginfo_t</c> (128 bytes) as <c>waitid</c> fills it on 64-bit Linux.</summary>
    [StructLayout(LayoutKind.Explicit, Size = 128)]
    internal struct siginfo_t
    {
        [FieldOffset(8)]
        internal int si_code;

        [FieldOffset(16)]
        internal int si_pid;

        [FieldOffset(24)]
        internal int si_status;
    }
}
