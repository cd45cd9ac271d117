namespace NitroEnclaves.EndToEnd.Tests;

/// <summary>The kernels that every engine is tested with.</summary>
public enum KernelKind
{
    /// <summary>The enclave kernel, which images carry unless told otherwise.</summary>
    Enclave,

    /// <summary>Debian's cloud kernel, unmodified.</summary>
    Debian,
}
