using System.Text.Json;
using NitroEnclaves.Enclaves;

namespace NitroEnclaves.Serve;

/// <summary>The body of a request to run an enclave: what <c>run-enclave</c> takes, by the same names.</summary>
/// <param name="EifPath">The image, absolute, on this machine.</param>
/// <param name="MemoryMiB">Memory in MiB.</param>
/// <param name="CpuCount">How many vCPUs; null for one, or for <paramref name="CpuIds"/>.</param>
/// <param name="CpuIds">Which CPUs, in place of their number.</param>
/// <param name="EnclaveName">The name; null for the image file's.</param>
/// <param name="EnclaveCid">The CID, 4 or above; null for a free one.</param>
/// <param name="DebugMode">Whether the console can be read.</param>
/// <param name="Engine">auto, nitro, qemu, machine or process.</param>
/// <param name="Restart">When it is started again: no, on-failure or always.</param>
/// <param name="RestartLimit">How often in a row.</param>
/// <param name="RestartDelay">The first pause in seconds.</param>
/// <param name="BootTimeout">How long the heartbeat may take, in seconds.</param>
/// <param name="Forward">Bridges of TCP and vsock, as <c>--forward</c>.</param>
/// <param name="VsockAllow">Other emulated enclaves that it may dial, as <c>--vsock-allow</c>.</param>
sealed record RunRequest(
    string EifPath,
    ulong MemoryMiB,
    uint? CpuCount = null,
    uint[]? CpuIds = null,
    string? EnclaveName = null,
    ulong? EnclaveCid = null,
    bool DebugMode = false,
    string? Engine = null,
    string? Restart = null,
    int? RestartLimit = null,
    double? RestartDelay = null,
    double? BootTimeout = null,
    string[]? Forward = null,
    uint[]? VsockAllow = null)
{
    const double LongestBoot = 86400;

    /// <summary>Reads the body of a request.</summary>
    /// <exception cref="JsonException">It is malformed, or lacks a member.</exception>
    public static async ValueTask<RunRequest> ReadAsync(Stream body, CancellationToken cancellationToken) =>
        await JsonSerializer.DeserializeAsync(body, ServeJson.Default.RunRequest, cancellationToken)
            ?? throw new JsonException("The body is an object with eifPath and memoryMiB.");

    /// <summary>The options of the enclave.</summary>
    /// <param name="registryPath">Where it is entered.</param>
    /// <param name="engine">What runs it where the request does not say.</param>
    /// <exception cref="EnclaveException">A value cannot be meant.</exception>
    public EnclaveOptions ToOptions(string registryPath, EngineChoice engine = EngineChoice.Auto) => new()
    {
        EifPath = Path.IsPathFullyQualified(EifPath)
            ? EifPath
            : throw new EnclaveException(EnclaveFailure.InvalidArgument, $"eifPath is {EifPath}, not an absolute path."),
        MemoryMiB = MemoryMiB,
        CpuCount = CpuCount is null && CpuIds is null ? 1 : CpuCount,
        CpuIds = CpuIds,
        Name = EnclaveName,
        EnclaveCid = EnclaveCid,
        DebugMode = DebugMode,
        Engine = Engine is null ? engine : ParseEngine(Engine),
        Restart = new RestartPolicy().With(Restart, RestartLimit, RestartDelay),
        BootTimeout = BootTimeout is not { } seconds ? null
            : seconds is > 0 and <= LongestBoot ? TimeSpan.FromSeconds(seconds)
            : throw new EnclaveException(EnclaveFailure.InvalidArgument, $"bootTimeout is {seconds}, not more than 0 and at most {LongestBoot} seconds."),
        Forwards = Forward ?? [],
        VsockAllow = VsockAllow ?? [],
        RegistryPath = registryPath,
    };

    /// <summary>Reads an engine's name: no numbers, which enumerations take as well.</summary>
    /// <exception cref="EnclaveException">There is no such engine.</exception>
    public static EngineChoice ParseEngine(string name) =>
        Enum.GetValues<EngineChoice>().Cast<EngineChoice?>().FirstOrDefault(choice => choice.ToString()!.Equals(name, StringComparison.OrdinalIgnoreCase))
            ?? throw new EnclaveException(EnclaveFailure.InvalidArgument, $"engine is {name}, not auto, nitro, qemu, machine or process.");
}
