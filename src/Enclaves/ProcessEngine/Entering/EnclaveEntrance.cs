namespace NitroEnclaves.Enclaves;

/// <summary>Where an enclave of the process engine is, and as what its program runs.</summary>
sealed record EnclaveEntrance
{
    /// <summary>Process 1 of the enclave, by its id on this machine.</summary>
    public required int FirstProcess { get; init; }

    /// <summary>The filter of the enclave's programs, as <c>seccomp(2)</c> takes it: of the same version as the supervisor that answers under it.</summary>
    public required byte[] Filter { get; init; }

    /// <summary>The program's variables, each <c>NAME=value</c>.</summary>
    public required IReadOnlyList<byte[]> Environment { get; init; }

    /// <summary>The folder in which the program was started.</summary>
    public required string WorkingDirectory { get; init; }

    /// <summary>The user that a process has to become; null where it has the right one when it has entered.</summary>
    public uint? UserId { get; init; }

    /// <summary>The user's primary group.</summary>
    public uint GroupId { get; init; }

    /// <summary>The user's further groups.</summary>
    public IReadOnlyList<uint> Groups { get; init; } = [];
}
