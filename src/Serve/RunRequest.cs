using NitroEnclaves.Enclaves;

namespace NitroEnclaves.Serve;

/// <summary>The body of a request to run an enclave: what <c>run-enclave</c> takes, by the same names.</summary>
/// <param name="EifPath">The image, absolute, on this machine.</param>
/// <param name="MemoryMiB">Memory in MiB.</param>
/// <param name="CpuCount">How many vCPUs.</param>
/// <param name="EnclaveName">The name; null for the image file's.</param>
/// <param name="EnclaveCid">The CID, 4 or above; null for a free one.</param>
/// <param name="DebugMode">Whether the console can be read.</param>
/// <param name="Engine">auto, nitro, qemu, machine or process.</param>
/// <param name="Restart">When it is started again: no, on-failure or always.</param>
/// <param name="Forward">Bridges of TCP and vsock, as <c>--forward</c>.</param>
sealed record RunRequest(
    string EifPath,
    ulong MemoryMiB,
    uint CpuCount = 1,
    string? EnclaveName = null,
    ulong? EnclaveCid = null,
    bool DebugMode = false,
    string? Engine = null,
    string? Restart = null,
    string[]? Forward = null)
{
    /// <summary>The options of the enclave.</summary>
    /// <param name="registryPath">Where it is entered.</param>
    /// <exception cref="EnclaveException">A value cannot be meant.</exception>
    public EnclaveOptions ToOptions(string registryPath) => new()
    {
        EifPath = Path.IsPathFullyQualified(EifPath)
            ? EifPath
            : throw new EnclaveException(EnclaveFailure.InvalidArgument, $"eifPath is {EifPath}, not an absolute path."),
        MemoryMiB = MemoryMiB,
        CpuCount = CpuCount,
        Name = EnclaveName,
        EnclaveCid = EnclaveCid,
        DebugMode = DebugMode,
        Engine = ParseEngine(),
        Restart = Restart is null ? new RestartPolicy() : new RestartPolicy { Mode = RestartPolicy.ParseMode(Restart) },
        Forwards = Forward ?? [],
        RegistryPath = registryPath,
    };

    // By name alone.
    EngineChoice ParseEngine() => Engine is null
        ? EngineChoice.Auto
        : Enum.GetValues<EngineChoice>().Cast<EngineChoice?>().FirstOrDefault(choice => choice.ToString()!.Equals(Engine, StringComparison.OrdinalIgnoreCase))
            ?? throw new EnclaveException(EnclaveFailure.InvalidArgument, $"engine is {Engine}, not auto, nitro, qemu, machine or process.");
}
