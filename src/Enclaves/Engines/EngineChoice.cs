namespace NitroEnclaves.Enclaves;

/// <summary>Which engine runs an enclave (contracts, "Engines").</summary>
public enum EngineChoice
{
    /// <summary>The best that isolates and can run here: Nitro, then QEMU with KVM, then QEMU with TCG. Never the process engine.</summary>
    Auto,

    /// <summary>AWS's hypervisor through <c>/dev/nitro_enclaves</c>.</summary>
    Nitro,

    /// <summary>QEMU with our devices; KVM where the probe guest passes, else TCG.</summary>
    Qemu,

    /// <summary>Our own virtual machine on <c>/dev/kvm</c>.</summary>
    Machine,

    /// <summary>The enclave's programs as processes of this machine: for development, no isolation.</summary>
    Process,
}
