using System.Runtime.InteropServices;

namespace NitroEnclaves.Enclaves;

/// <summary>Says of a call that failed in the probe what keeps the process engine from running here, and what to do about it.</summary>
static class ProcessEngineObstacle
{
    /// <summary>1 where AppArmor leaves ordinary users' namespaces without rights (Ubuntu 23.10 and later).</summary>
    internal const string AppArmorRestriction = "/proc/sys/kernel/apparmor_restrict_unprivileged_userns";

    /// <summary>0 where only root makes user namespaces (Debian's kernels).</summary>
    internal const string UnprivilegedNamespaces = "/proc/sys/kernel/unprivileged_userns_clone";

    const string Profile = "start the container with --security-opt seccomp=packaging/docker/seccomp.json (docs/engines.md), or use the qemu engine.";
    const string AppArmor = "AppArmor keeps user namespaces from ordinary users; run as root, or set kernel.apparmor_restrict_unprivileged_userns to 0 with sysctl.";

    /// <summary>The rest of a sentence after "cannot run here"; null where the answer is the one that the engine wants.</summary>
    /// <param name="call">The call.</param>
    /// <param name="purpose">What it was for.</param>
    /// <param name="error">Its error number.</param>
    /// <param name="setting">Reads a file of the kernel's settings; null where there is none.</param>
    public static string? Explain(SystemCall call, string purpose, int error, Func<string, string?> setting) => (call, error) switch
    {
        // The namespace is made, but nothing may be done in it: which call is the first to be refused depends on the profile.
        (SystemCall.unshare or SystemCall.mount or SystemCall.seccomp, Interop.Errno.EPERM or Interop.Errno.EACCES) when Is(setting, AppArmorRestriction, '1') => AppArmor,
        (SystemCall.unshare, Interop.Errno.EPERM) when Is(setting, UnprivilegedNamespaces, '0') =>
            "user namespaces are root's alone; run as root, or set kernel.unprivileged_userns_clone to 1 with sysctl.",
        (SystemCall.unshare, Interop.Errno.ENOSPC) => "user.max_user_namespaces allows no user namespace; raise it with sysctl.",
        (SystemCall.unshare, Interop.Errno.EINVAL or Interop.Errno.ENOSYS) =>
            "the kernel was built without the namespaces that the engine needs; use another kernel, or the qemu engine.",
        (SystemCall.unshare or SystemCall.mount, Interop.Errno.EPERM or Interop.Errno.EACCES) => $"user namespaces are refused, as in Docker's containers by default; {Profile}",
        (SystemCall.seccomp, Interop.Errno.EINVAL or Interop.Errno.ENOSYS) =>
            "the kernel has no seccomp notification that signals leave alone; it takes Linux 5.19 or newer, or the qemu engine.",
        (SystemCall.seccomp, Interop.Errno.EBUSY) => "another program already answers seccomp notifications of this container; start the container without it.",
        (SystemCall.socket, Interop.Errno.ENOSYS) => null,
        (SystemCall.socket, _) => $"the seccomp profile around us refuses AF_VSOCK sockets, as Docker's does by default, before the engine is asked; {Profile}",
        _ => $"it cannot {purpose} ({Marshal.GetPInvokeErrorMessage(error)}); use the qemu engine.",
    };

    /// <summary>The same where the maps of a namespace's users cannot be written.</summary>
    public static string ExplainMaps(string problem, Func<string, string?> setting) =>
        Is(setting, AppArmorRestriction, '1') ? AppArmor : problem;

    /// <summary>Reads a setting of this machine's kernel.</summary>
    public static string? ReadSetting(string file)
    {
        try
        {
            return File.ReadAllText(file);
        }
        catch (Exception exception) when (exception is IOException or UnauthorizedAccessException)
        {
            // The kernel has no such setting, or a container hides it.
            return null;
        }
    }

    static bool Is(Func<string, string?> setting, string file, char value) => setting(file)?.StartsWith(value) == true;
}
