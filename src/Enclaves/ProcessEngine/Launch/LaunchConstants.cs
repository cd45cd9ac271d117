namespace NitroEnclaves.Enclaves;

/// <summary>Numbers of the Linux interface that launch programs use, with their native names.</summary>
static class LaunchConstants
{
    internal const ulong AT_FDCWD = unchecked((ulong)-100);
    internal const ulong SIGCHLD = 17;
    internal const ulong SIGKILL = 9;
    internal const ulong PR_SET_PDEATHSIG = 1;

    internal const ulong PR_SET_NAME = 15;

    internal const ulong CLONE_NEWNS = 0x00020000;
    internal const ulong CLONE_NEWUTS = 0x04000000;
    internal const ulong CLONE_NEWIPC = 0x08000000;
    internal const ulong CLONE_NEWUSER = 0x10000000;
    internal const ulong CLONE_NEWPID = 0x20000000;
    internal const ulong CLONE_NEWNET = 0x40000000;

    internal const byte MOUNT_ATTR_RDONLY = 1;
    internal const int MOUNT_ATTR_SIZE_VER0 = 32;

    internal const ulong MS_RDONLY = 1;
    internal const ulong MS_NOSUID = 2;
    internal const ulong MS_NODEV = 4;
    internal const ulong MS_NOEXEC = 8;
    internal const ulong MS_BIND = 0x1000;
    internal const ulong MS_MOVE = 0x2000;
    internal const ulong MS_REC = 0x4000;
    internal const ulong MS_PRIVATE = 0x40000;
    internal const ulong MNT_DETACH = 2;

    internal const ulong O_PATH = 0x200000;
    internal const ulong O_DIRECTORY = 0x10000;
    internal const ulong O_CLOEXEC = 0x80000;
    internal const ulong S_IFREG = 0x8000;

    internal const ulong F_SETFD = 2;
    internal const ulong FD_CLOEXEC = 1;

    internal const ulong AF_INET = 2;
    internal const ulong SOCK_DGRAM = 2;
    internal const ulong SIOCSIFFLAGS = 0x8914;

    internal const ulong RLIMIT_CORE = 4;
    internal const ulong RLIMIT_NOFILE = 7;
}
