namespace NitroEnclaves.Enclaves;

/// <summary>How a kernel learns where its virtio devices are.</summary>
enum DeviceDiscovery
{
    /// <summary>From ACPI tables, as Debian's kernels do.</summary>
    Acpi,

    /// <summary>From <c>virtio_mmio.device=</c> on the command line, as AWS's kernels do, which know neither ACPI nor PCI.</summary>
    CommandLine,
}
