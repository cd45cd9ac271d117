using System.Runtime.InteropServices;

namespace NitroEnclaves.Init;

/// <summary>The mounts, in the order and with the names of AWS's init, so that programs find what they find on EC2.</summary>
static class FileSystems
{
    const nuint Restricted = Interop.MS_NODEV | Interop.MS_NOSUID | Interop.MS_NOEXEC;

    /// <summary>Mounts the device nodes, unless the kernel has done so.</summary>
    internal static void MountDevices()
    {
        MakeFolder("/dev");
        Mount("dev", "/dev", "devtmpfs", Interop.MS_NOSUID | Interop.MS_NOEXEC, null, tolerated: Interop.EBUSY);
    }

    /// <summary>Makes the image's root file system the root, for init and all that it starts.</summary>
    /// <param name="folder">Where the image's root file system is: "/rootfs".</param>
    /// <remarks>An initramfs cannot be left by <c>pivot_root</c>: the folder becomes a mount, and that mount is moved to the root.</remarks>
    internal static void EnterRoot(string folder)
    {
        Mount(folder, folder, null, Interop.MS_BIND, null);
        Check(Interop.chdir(folder), $"enter {folder}");
        Mount(".", "/", null, Interop.MS_MOVE, null);
        Check(Interop.chroot("."), $"make {folder} the root");
        Check(Interop.chdir("/"), "enter the root");
    }

    /// <summary>Mounts what a Linux program expects in its root.</summary>
    internal static void MountAll()
    {
        MountDevices();
        MakeFolder("/proc");
        Mount("proc", "/proc", "proc", Restricted, null);
        Link("/proc/self/fd", "/dev/fd");
        Link("/proc/self/fd/0", "/dev/stdin");
        Link("/proc/self/fd/1", "/dev/stdout");
        Link("/proc/self/fd/2", "/dev/stderr");
        MakeFolder("/run");
        Mount("tmpfs", "/run", "tmpfs", 0, "mode=0755");
        MakeFolder("/tmp");
        Mount("tmpfs", "/tmp", "tmpfs", 0, null);
        MakeFolder("/dev/shm");
        Mount("shm", "/dev/shm", "tmpfs", 0, null);
        MakeFolder("/dev/pts");
        Mount("devpts", "/dev/pts", "devpts", Interop.MS_NOSUID | Interop.MS_NOEXEC, null);
        MakeFolder("/sys");
        Mount("sysfs", "/sys", "sysfs", Restricted, null);
        // The one hierarchy of control groups; a kernel built without them has no such folder.
        if (Directory.Exists("/sys/fs/cgroup"))
        {
            Mount("cgroup2", "/sys/fs/cgroup", "cgroup2", Restricted, null, tolerated: Interop.ENODEV);
        }
    }

    static void Mount(string source, string target, string? type, nuint flags, string? data, int tolerated = 0)
    {
        if (Interop.mount(source, target, type, flags, data) != 0 && Marshal.GetLastPInvokeError() != tolerated)
        {
            throw InitException.FromLastError($"mount {source} on {target}");
        }
    }

    static void MakeFolder(string path) => Check(Interop.mkdir(path, 0x1ED /* 0755 */), $"make the folder {path}", Interop.EEXIST);

    static void Link(string target, string path) => Check(Interop.symlink(target, path), $"make the link {path}", Interop.EEXIST);

    static void Check(int result, string attempt, int tolerated = 0)
    {
        if (result != 0 && Marshal.GetLastPInvokeError() != tolerated)
        {
            throw InitException.FromLastError(attempt);
        }
    }
}
