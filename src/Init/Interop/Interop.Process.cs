using System.Runtime.InteropServices;
using Microsoft.Win32.SafeHandles;

namespace NitroEnclaves.Init;

static unsafe partial class Interop
{
    internal const short POSIX_SPAWN_SETSIGDEF = 0x04;
    internal const short POSIX_SPAWN_SETSIGMASK = 0x08;
    internal const short POSIX_SPAWN_SETSID = 0x80;

    internal const int RB_AUTOBOOT = 0x01234567;

    // System calls that glibc does not wrap, or wraps for all threads where one thread is meant.
    static readonly bool s_arm64 = RuntimeInformation.ProcessArchitecture == Architecture.Arm64;
    internal static readonly nint SYS_finit_module = s_arm64 ? 273 : 313;
    internal static readonly nint SYS_setresuid = s_arm64 ? 147 : 117;
    internal static readonly nint SYS_setresgid = s_arm64 ? 149 : 119;
    internal static readonly nint SYS_setgroups = s_arm64 ? 159 : 116;

    /// <summary><c>posix_spawnattr_t</c> of glibc: 336 bytes, opaque.</summary>
    [StructLayout(LayoutKind.Sequential, Size = 336)]
    internal struct posix_spawnattr_t
    {
        long _opaque;
    }

    /// <summary><c>sigset_t</c> of glibc: 1024 bits.</summary>
    [StructLayout(LayoutKind.Sequential, Size = 128)]
    internal struct sigset_t
    {
        long _opaque;
    }

    [LibraryImport("libc")]
    internal static partial int getpid();

    [LibraryImport("libc", SetLastError = true)]
    internal static partial int waitpid(int pid, out int wstatus, int options);

    [LibraryImport("libc", SetLastError = true)]
    internal static partial int kill(int pid, int sig);

    [LibraryImport("libc")]
    internal static partial void sync();

    [LibraryImport("libc", SetLastError = true)]
    internal static partial int reboot(int cmd);

    [LibraryImport("libc", SetLastError = true, StringMarshalling = StringMarshalling.Utf8)]
    internal static partial int setenv(string name, string value, int overwrite);

    [LibraryImport("libc")]
    internal static partial int sigemptyset(out sigset_t set);

    [LibraryImport("libc")]
    internal static partial int sigfillset(out sigset_t set);

    [LibraryImport("libc")]
    internal static partial int posix_spawnattr_init(out posix_spawnattr_t attr);

    [LibraryImport("libc")]
    internal static partial int posix_spawnattr_setflags(ref posix_spawnattr_t attr, short flags);

    [LibraryImport("libc")]
    internal static partial int posix_spawnattr_setsigmask(ref posix_spawnattr_t attr, in sigset_t mask);

    [LibraryImport("libc")]
    internal static partial int posix_spawnattr_setsigdefault(ref posix_spawnattr_t attr, in sigset_t signals);

    /// <summary>Returns the error number itself; <c>errno</c> is not set.</summary>
    [LibraryImport("libc")]
    internal static partial int posix_spawnp(out int pid, byte* file, void* file_actions, in posix_spawnattr_t attr, byte** argv, byte** envp);

    [LibraryImport("libc", EntryPoint = "syscall", SetLastError = true, StringMarshalling = StringMarshalling.Utf8)]
    internal static partial nint finit_module(nint number, SafeFileHandle fd, string parameters, int flags);

    [LibraryImport("libc", EntryPoint = "syscall", SetLastError = true)]
    internal static partial nint setres(nint number, uint real, uint effective, uint saved);

    [LibraryImport("libc", EntryPoint = "syscall", SetLastError = true)]
    internal static partial nint setgroups(nint number, nint size, ReadOnlySpan<uint> list);
}
