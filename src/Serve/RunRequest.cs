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
    /// <exception cref="EnclaveException">A value cannot be meant.</exception>
    public EnclaveOptions ToOptions(string registryPath) => new()
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
        Engine = ParseEngine(),
        Restart = ParseRestart(),
        BootTimeout = BootTimeout is not { } seconds ? null
            : seconds is > 0 and <= LongestBoot ? TimeSpan.FromSeconds(seconds)
            : throw new EnclaveException(EnclaveFailure.InvalidArgument, $"bootTimeout is {seconds}, not more than 0 and at most {LongestBoot} seconds."),
        Forwards = Forward ?? [],
        VsockAllow = VsockAllow ?? [],
        RegistryPath = registryPath,
    };

    RestartPolicy ParseRestart()
    {
        var defaults = new RestartPolicy();
        return new RestartPolicy
        {
            Mode = Restart is null ? defaults.Mode : RestartPolicy.ParseMode(Restart),
            Limit = RestartLimit ?? defaults.Limit,
            Delay = RestartDelay is { } seconds ? RestartPolicy.ParseDelay(seconds) : defaults.Delay,
        };
    }

    // By name alone.
    EngineChoice ParseEngine() => Engine is null
        ? EngineChoice.Auto
        : Enum.GetValues<EngineChoice>().Cast<EngineChoice?>().FirstOrDefault(choice => choice.ToString()!.Equals(Engine, StringComparison.OrdinalIgnoreCase))
            ?? throw new EnclaveException(EnclaveFailure.InvalidArgument, $"engine is {Engine}, not auto, nitro, qemu, machine or process.");
}
