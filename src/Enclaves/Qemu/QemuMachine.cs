namespace NitroEnclaves.Enclaves;

/// <summary>The virtual machine that QEMU is asked for, and the command line that asks for it (emulation 2).</summary>
sealed record QemuMachine
{
    // The order in which the child gets its descriptors.
    const int ConsoleDescriptor = 3;
    const int NsmDescriptor = 4;
    const int VsockDescriptor = 5;
    const int KernelDescriptor = 6;
    const int RamdiskDescriptor = 7;

    /// <summary>The enclave's id, which names the machine in lists of processes.</summary>
    public required string Name { get; init; }

    /// <summary>What executes the guest's instructions.</summary>
    public required Accelerator Accelerator { get; init; }

    /// <summary>How the kernel finds its devices.</summary>
    public required DeviceDiscovery Discovery { get; init; }

    /// <summary>The kernel's whole command line.</summary>
    public required string CommandLine { get; init; }

    /// <summary>The memory in MiB.</summary>
    public required ulong MemoryMiB { get; init; }

    /// <summary>The number of vCPUs.</summary>
    public required int VcpuCount { get; init; }

    /// <summary>QEMU's arguments. Everything it is to use it inherits as a descriptor: it opens no file and no socket by name but its firmware.</summary>
    public IReadOnlyList<string> Arguments() =>
    [
        "-name", Name,
        "-M", $"microvm,acpi={(Discovery == DeviceDiscovery.Acpi ? "on" : "off")},rtc=on,memory-backend=mem",
        // Guest memory is shared with the devices' process; without share=on the guest would only wait for them.
        "-object", $"memory-backend-memfd,id=mem,size={MemoryMiB}M,share=on",
        "-m", $"{MemoryMiB}M",
        "-smp", $"{VcpuCount}",
        .. Accelerator == Accelerator.Kvm
            ? (string[])["-accel", "kvm", "-cpu", "host"]
            : ["-accel", "tcg,thread=multi,tb-size=32", "-cpu", "max"],
        "-display", "none", "-nodefaults", "-no-user-config",
        // A reset is how an enclave ends.
        "-no-reboot",
        "-sandbox", "on,obsolete=deny,elevateprivileges=deny,spawn=deny,resourcecontrol=deny",
        "-run-with", "exit-with-parent=on",
        // SeaBIOS does not start every uncompressed kernel; qboot does, and sooner.
        "-bios", "qboot.rom",
        "-kernel", $"/proc/self/fd/{KernelDescriptor}",
        "-initrd", $"/proc/self/fd/{RamdiskDescriptor}",
        "-append", CommandLine,
        "-chardev", $"socket,id=console,fd={ConsoleDescriptor}", "-serial", "chardev:console",
        "-global", "virtio-mmio.force-legacy=false",
        "-chardev", $"socket,id=nsm,fd={NsmDescriptor}", "-device", "vhost-user-test-device,chardev=nsm,virtio-id=33,num_vqs=1",
        "-chardev", $"socket,id=vsock,fd={VsockDescriptor}", "-device", "vhost-user-vsock-device,chardev=vsock",
        // With it reboot=k ends the machine at once; without it the kernel tries for more than a second.
        "-device", "i8042",
    ];
}
