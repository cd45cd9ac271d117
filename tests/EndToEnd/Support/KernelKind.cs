namespace NitroEnclaves.EndToEnd.Tests;

/// <summary>The kernels that guests boot.</summary>
public enum KernelKind
{
    /// <summary>The enclave kernel, which images carry unless told otherwise.</summary>
    Enclave,

    /// <summary>Debian's cloud kernel, unmodified.</summary>
    Debian,

    /// <summary>Debian 11's 5.10, too old for an enclave and without an NSM: what <c>tests/EndToEnd/old-kernel</c> brings.</summary>
    Old,
}
