namespace NitroEnclaves.Init;

/// <summary>Keeps init from ever working outside an enclave: it mounts over the root and reboots the machine.</summary>
static class InitramfsGuard
{
    /// <summary>Why init must not run here, or null where it may: as process 1 with an initramfs as its root.</summary>
    /// <param name="processId">The process's own id.</param>
    /// <param name="rootFileSystem">The magic number that <c>statfs("/")</c> gives.</param>
    internal static string? Refusal(int processId, long rootFileSystem)
    {
        if (processId != 1)
        {
            return $"this is process {processId}; nitro-init runs as process 1 of an enclave only";
        }

        // A kernel unpacks its initramfs into tmpfs, or into ramfs where tmpfs is missing or a root= is given.
        return rootFileSystem is Interop.RAMFS_MAGIC or Interop.TMPFS_MAGIC
            ? null
            : $"the root file system (type 0x{rootFileSystem:x}) is no initramfs; nitro-init runs in an enclave only";
    }

    /// <summary>The refusal for this very process, or null.</summary>
    internal static string? Refusal() =>
        Interop.statfs("/", out var root) == 0
            ? Refusal(Interop.getpid(), root.f_type)
            : InitException.FromLastError("examine the root file system").Message;
}
