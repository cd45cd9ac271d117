namespace NitroEnclaves.Enclaves;

/// <summary>
/// What an emulating engine has to know of the kernel in an image. The decision how the kernel finds its devices is made here, from
/// evidence in the kernel itself where that can be read, else from its version and its command line.
/// </summary>
/// <param name="Version">The version text of its header; empty where there is none.</param>
/// <param name="TakesDevicesFromCommandLine">
/// Whether the built-in driver has the parameter <c>virtio_mmio.device</c>; null when the kernel's contents cannot be read.
/// </param>
sealed record GuestKernel(string Version, bool? TakesDevicesFromCommandLine)
{
    /// <summary>The name under which a kernel with CONFIG_VIRTIO_MMIO=y and CONFIG_VIRTIO_MMIO_CMDLINE_DEVICES=y has the parameter.</summary>
    public static ReadOnlySpan<byte> DeviceParameter => "virtio_mmio.device\0"u8;

    /// <summary>Decides how the kernel finds its devices.</summary>
    /// <param name="commandLine">The measured command line.</param>
    /// <remarks>
    /// In this order: <c>acpi=off</c> rules ACPI out. A kernel whose built-in driver takes devices from the command line gets them
    /// there, as on hardware. A kernel that could be read and has no such driver needs ACPI. Of a kernel that could not be read,
    /// Amazon's are known by their version, and every other by <c>pci=off</c>, which AWS's command line has and which would leave such
    /// a kernel without any other way; Debian's have ACPI whatever the command line says.
    /// </remarks>
    public DeviceDiscovery Discovery(string commandLine)
    {
        var words = commandLine.Split(' ', StringSplitOptions.RemoveEmptyEntries);
        var fromCommandLine = words.Contains("acpi=off")
            || (TakesDevicesFromCommandLine ?? (Version.Contains("amzn", StringComparison.Ordinal)
                || (words.Contains("pci=off") && !Version.Contains("debian", StringComparison.OrdinalIgnoreCase))));
        return fromCommandLine ? DeviceDiscovery.CommandLine : DeviceDiscovery.Acpi;
    }
}
