namespace NitroEnclaves.Enclaves;

/// <summary>An <see cref="EnclaveException"/> on its way from an enclave's process to its launcher.</summary>
sealed record LaunchFailure(EnclaveFailure Failure, string Message, string? ConsoleTail)
{
    public static LaunchFailure From(EnclaveException exception) => new(exception.Failure, exception.Message, exception.ConsoleTail);

    public EnclaveException ToException() => new(Failure, Message) { ConsoleTail = ConsoleTail };
}
