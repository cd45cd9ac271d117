namespace NitroEnclaves.Enclaves;

/// <summary>Why starting or supervising an enclave failed. Each reason has the code under which nitro-cli reports it.</summary>
public enum EnclaveFailure
{
    /// <summary>A failure that no other reason names (nitro-cli E00).</summary>
    Unspecified,

    /// <summary>A value that must be given is missing (E01).</summary>
    MissingArgument,

    /// <summary>Two values exclude each other (E02).</summary>
    ConflictingArgument,

    /// <summary>A value has the wrong form or is out of range (E03).</summary>
    InvalidArgument,

    /// <summary>The enclave's process or its virtual machine could not be started (E05).</summary>
    ProcessSpawn,

    /// <summary>The registry's folder cannot be used (E07).</summary>
    RegistryUnavailable,

    /// <summary>No running enclave has the given id (E11).</summary>
    NoSuchEnclave,

    /// <summary>A peer sent bytes that are not of the command protocol (E14).</summary>
    InvalidCommand,

    /// <summary>A file could not be opened, read or written (E19).</summary>
    FileOperation,

    /// <summary>The same CPU was asked for twice (E20).</summary>
    InvalidCpuConfiguration,

    /// <summary>A CPU was asked for that this machine does not offer to enclaves (E21).</summary>
    NoSuchCpu,

    /// <summary>More CPUs were asked for than the engine can give (E22).</summary>
    InsufficientCpus,

    /// <summary>A list of CPUs has something in it that is no CPU number (E23).</summary>
    MalformedCpuId,

    /// <summary>A list of CPUs has an interval in it that is none (E24).</summary>
    MalformedCpuInterval,

    /// <summary>CPUs cannot be set aside for enclaves: partial cores, several NUMA nodes, an enclave that runs, or no right to do it (E29).</summary>
    CpuPool,

    /// <summary>The allocator's file says something that it cannot (E17).</summary>
    AllocatorConfiguration,

    /// <summary>A file of <c>run-enclave --config</c> is not what it should be (E17).</summary>
    Configuration,

    /// <summary>No memory was asked for, or less than four times the size of the image (E26).</summary>
    InsufficientMemoryRequested,

    /// <summary>The machine has not got the memory that was asked for (E27).</summary>
    InsufficientMemoryAvailable,

    /// <summary>The engine that was asked for cannot run here (E19: nitro-cli reports it when it opens the device).</summary>
    EngineUnavailable,

    /// <summary>The enclave driver refused a call (E29).</summary>
    Driver,

    /// <summary>The image does not fit into the enclave's memory (E34).</summary>
    MemoryOverflow,

    /// <summary>The image is not a well-formed enclave image (E35).</summary>
    InvalidImage,

    /// <summary>The enclave did not come up: no heartbeat in time, or it ended before (E36).</summary>
    BootFailure,

    /// <summary>The enclave's process refused a command (E38).</summary>
    CommandNotExecuted,

    /// <summary>The enclave's process cannot be reached or gave no valid answer (E39).</summary>
    ProcessConnection,

    /// <summary>The console cannot be read, for example because the enclave is not in debug mode (E44).</summary>
    Console,

    /// <summary>No enclave, or more than one, has the given name (E58).</summary>
    Naming,

    /// <summary>The image's signature or its certificate is not valid (E59).</summary>
    Signature,
}
