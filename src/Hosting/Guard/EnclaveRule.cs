namespace NitroEnclaves.Hosting;

/// <summary>What <see cref="EnclaveGuard"/> looks at when a service starts.</summary>
public enum EnclaveRule
{
    /// <summary>The kernel's random number generator feeds on the NSM: <c>rng_current</c> is <c>nsm-hwrng</c>.</summary>
    RandomSource,

    /// <summary>
    /// The command line credits no entropy to CPU and boot loader: <c>random.trust_cpu=off random.trust_bootloader=off</c>.
    /// </summary>
    CreditedEntropy,

    /// <summary>The clock is the hypervisor's: <c>kvm-clock</c>. An emulated enclave under TCG has none.</summary>
    ClockSource,

    /// <summary>
    /// The clock agrees with the time that the NSM puts into documents, to five seconds: what sets it otherwise may be the parent.
    /// </summary>
    SystemTime,

    /// <summary>Memory is swapped out nowhere.</summary>
    Swap,

    /// <summary>A crash leaves no memory in a file: the limit of core files is 0, or the kernel writes none.</summary>
    CoreDumps,

    /// <summary>The runtime's diagnostics are off: <c>DOTNET_EnableDiagnostics=0</c>, and no dump on a crash.</summary>
    RuntimeDiagnostics,

    /// <summary>The kernel is 5.17.12 or newer, whose random number generator waits until it is seeded.</summary>
    KernelVersion,

    /// <summary>The enclave is not in debug mode: its own PCR0, 1 and 2 are not zero.</summary>
    DebugMode,

    /// <summary>Not every process may speak for the enclave: <c>/dev/nsm</c> is open to its owner (and group) alone.</summary>
    NsmPermissions,
}
