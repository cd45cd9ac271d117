namespace NitroEnclaves.Enclaves;

/// <summary>What executes the guest's instructions under QEMU.</summary>
enum Accelerator
{
    /// <summary>QEMU's translator: everywhere, slowly.</summary>
    Tcg,

    /// <summary>The kernel's virtual machines: at full speed, where the probe guest passes.</summary>
    Kvm,
}
