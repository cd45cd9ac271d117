namespace NitroEnclaves.Enclaves;

/// <summary>How an enclave came to its end.</summary>
public enum EnclaveEndKind
{
    /// <summary>Its main program exited; <see cref="EnclaveEnd.Status"/> is the exit status that nitro-init reported.</summary>
    Exited,

    /// <summary>A signal ended its main program; <see cref="EnclaveEnd.Status"/> is the signal that nitro-init reported.</summary>
    Signaled,

    /// <summary>It ended by itself without a report: AWS's init makes none, so the status is unknown.</summary>
    Unknown,

    /// <summary>It was ended from outside: by a command, by a signal to its process, or because its launcher ended.</summary>
    Terminated,

    /// <summary>What runs it failed: the virtual machine or one of its devices.</summary>
    EngineFailed,
}
