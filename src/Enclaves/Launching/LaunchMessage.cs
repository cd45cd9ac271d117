namespace NitroEnclaves.Enclaves;

/// <summary>What an enclave's process tells its launcher, one message to a frame; one member is set.</summary>
sealed record LaunchMessage
{
    /// <summary>A line about what is being done.</summary>
    public string? Progress { get; init; }

    /// <summary>The heartbeat has come.</summary>
    public EnclaveRunInfo? Started { get; init; }

    /// <summary>The enclave did not come up; nothing of it is left.</summary>
    public LaunchFailure? Failed { get; init; }

    /// <summary>The enclave has ended; nothing of it is left.</summary>
    public EnclaveEnd? Ended { get; init; }
}
