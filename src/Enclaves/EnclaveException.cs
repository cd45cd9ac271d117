namespace NitroEnclaves.Enclaves;

/// <summary>Thrown when an enclave cannot be started, reached or ended. <see cref="Failure"/> is the reason.</summary>
public sealed class EnclaveException : Exception
{
    /// <summary>Creates the exception.</summary>
    /// <param name="failure">The reason.</param>
    /// <param name="message">One or more sentences for people: what failed and what to do about it.</param>
    /// <param name="innerException">What caused it, where something did.</param>
    public EnclaveException(EnclaveFailure failure, string message, Exception? innerException = null)
        : base(message, innerException) => Failure = failure;

    /// <summary>The reason.</summary>
    public EnclaveFailure Failure { get; }

    /// <summary>The end of what the enclave printed on its console before a failed boot; null where there is none.</summary>
    public string? ConsoleTail { get; init; }

    /// <summary>nitro-cli's number for the reason (36 for E36), which is also its exit code.</summary>
    public int NitroCliCode => Failure switch
    {
        EnclaveFailure.MissingArgument => 1,
        EnclaveFailure.ConflictingArgument => 2,
        EnclaveFailure.InvalidArgument => 3,
        EnclaveFailure.ProcessSpawn => 5,
        EnclaveFailure.RegistryUnavailable => 7,
        EnclaveFailure.NoSuchEnclave => 11,
        EnclaveFailure.InvalidCommand => 14,
        EnclaveFailure.FileOperation or EnclaveFailure.EngineUnavailable => 19,
        EnclaveFailure.InvalidCpuConfiguration => 20,
        EnclaveFailure.NoSuchCpu => 21,
        EnclaveFailure.InsufficientCpus => 22,
        EnclaveFailure.MalformedCpuId => 23,
        EnclaveFailure.MalformedCpuInterval => 24,
        EnclaveFailure.CpuPool or EnclaveFailure.Driver => 29,
        EnclaveFailure.AllocatorConfiguration or EnclaveFailure.Configuration => 17,
        EnclaveFailure.InsufficientMemoryRequested => 26,
        EnclaveFailure.InsufficientMemoryAvailable => 27,
        EnclaveFailure.MemoryOverflow => 34,
        EnclaveFailure.InvalidImage => 35,
        EnclaveFailure.BootFailure => 36,
        EnclaveFailure.CommandNotExecuted => 38,
        EnclaveFailure.ProcessConnection => 39,
        EnclaveFailure.Console => 44,
        EnclaveFailure.Naming => 58,
        EnclaveFailure.Signature => 59,
        _ => 0,
    };
}
