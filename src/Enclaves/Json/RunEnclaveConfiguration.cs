using System.Text.Json;
using System.Text.Json.Serialization;

namespace NitroEnclaves.Enclaves;

/// <summary>
/// The file of <c>run-enclave --config</c>: nitro-cli's members (eif-and-nitro-cli 3.1) and, beside them, <c>engine</c> and <c>restart</c>. Unknown members are
/// passed over, as nitro-cli does.
/// </summary>
public sealed record RunEnclaveConfiguration
{
    const int MaximumLength = 1024 * 1024;

    /// <summary>The image file.</summary>
    [JsonPropertyName("eif_path")]
    [JsonRequired]
    public string EifPath { get; init; } = "";

    /// <summary>The memory in MiB.</summary>
    [JsonPropertyName("memory_mib")]
    [JsonRequired]
    public ulong MemoryMiB { get; init; }

    /// <summary>The enclave's CID; null or 0 takes a free one.</summary>
    [JsonPropertyName("enclave_cid")]
    public ulong? EnclaveCid { get; init; }

    /// <summary>The CPUs; exactly one of this and <see cref="CpuCount"/> is there.</summary>
    [JsonPropertyName("cpu_ids")]
    public IReadOnlyList<uint>? CpuIds { get; init; }

    /// <summary>The number of CPUs.</summary>
    [JsonPropertyName("cpu_count")]
    public uint? CpuCount { get; init; }

    /// <summary>Debug mode.</summary>
    [JsonPropertyName("debug_mode")]
    public bool? DebugMode { get; init; }

    /// <summary>Whether to show the console at once, which implies debug mode.</summary>
    [JsonPropertyName("attach_console")]
    public bool? AttachConsole { get; init; }

    /// <summary>The enclave's name.</summary>
    [JsonPropertyName("enclave_name")]
    public string? EnclaveName { get; init; }

    /// <summary>The engine: <c>auto</c>, <c>nitro</c>, <c>qemu</c>, <c>machine</c> or <c>process</c>. nitro-cli has no such member.</summary>
    [JsonPropertyName("engine")]
    public string? Engine { get; init; }

    /// <summary>When the enclave is started again: <c>no</c>, <c>on-failure</c> or <c>always</c>. nitro-cli has no such member.</summary>
    [JsonPropertyName("restart")]
    public string? Restart { get; init; }

    /// <summary>How many starts in a row are tried. nitro-cli has no such member.</summary>
    [JsonPropertyName("restart_limit")]
    public int? RestartLimit { get; init; }

    /// <summary>The pause before the first of them, in seconds. nitro-cli has no such member.</summary>
    [JsonPropertyName("restart_delay")]
    public double? RestartDelay { get; init; }

    /// <summary>Reads a file.</summary>
    /// <param name="path">The file.</param>
    /// <exception cref="EnclaveException">
    /// It cannot be read (<see cref="EnclaveFailure.FileOperation"/>), or is not such a file (<see cref="EnclaveFailure.Configuration"/>).
    /// </exception>
    public static RunEnclaveConfiguration Load(string path)
    {
        ArgumentException.ThrowIfNullOrEmpty(path);
        try
        {
            using var file = File.OpenRead(path);
            if (file.Length > MaximumLength)
            {
                throw new EnclaveException(EnclaveFailure.Configuration, $"{path} is longer than {MaximumLength} bytes: it is no configuration of an enclave.");
            }

            var bytes = new byte[file.Length];
            file.ReadExactly(bytes);
            return Parse(bytes, path);
        }
        catch (Exception exception) when (exception is IOException or UnauthorizedAccessException)
        {
            throw new EnclaveException(EnclaveFailure.FileOperation, $"{path} cannot be read: {exception.Message}", exception);
        }
    }

    /// <summary>Reads the text of a file.</summary>
    /// <param name="json">The text, as UTF-8.</param>
    /// <param name="name">How messages call the file.</param>
    /// <exception cref="EnclaveException">It is not such a file (<see cref="EnclaveFailure.Configuration"/>).</exception>
    internal static RunEnclaveConfiguration Parse(ReadOnlySpan<byte> json, string name)
    {
        try
        {
            // Editors of other systems put a mark at the beginning.
            return JsonSerializer.Deserialize(json.StartsWith("\uFEFF"u8) ? json[3..] : json, EnclaveJsonContext.Default.RunEnclaveConfiguration)
                ?? throw new EnclaveException(EnclaveFailure.Configuration, $"{name} holds null, not an object.");
        }
        catch (JsonException exception)
        {
            // A member of the wrong type is named as the file has it; of a type of ours nobody there has heard.
            var what = exception.Path is ['$', '.', .. { Length: > 0 } member] && !exception.Message.Contains("missing required", StringComparison.Ordinal)
                ? $"\"{member}\" in line {exception.LineNumber + 1} is not what it should be"
                : exception.Message.Replace($" for type '{typeof(RunEnclaveConfiguration)}'", "", StringComparison.Ordinal);
            throw new EnclaveException(EnclaveFailure.Configuration, $"{name} is not a configuration of an enclave: {what}", exception);
        }
    }

    /// <summary>The options that the file stands for. Paths are taken as they are, relative to the current folder.</summary>
    /// <exception cref="EnclaveException">The engine or the restart policy is none (<see cref="EnclaveFailure.InvalidArgument"/>).</exception>
    public EnclaveOptions ToOptions() => new()
    {
        EifPath = EifPath,
        MemoryMiB = MemoryMiB,
        EnclaveCid = EnclaveCid,
        CpuIds = CpuIds,
        CpuCount = CpuCount,
        DebugMode = DebugMode == true || AttachConsole == true,
        Name = EnclaveName,
        Engine = ParseEngine(),
        Restart = new RestartPolicy().With(Restart, RestartLimit, RestartDelay),
    };

    EngineChoice ParseEngine() =>
        Engine is null ? EngineChoice.Auto
        : !char.IsAsciiDigit(Engine.FirstOrDefault()) && Enum.TryParse<EngineChoice>(Engine, ignoreCase: true, out var choice) ? choice
        : throw new EnclaveException(EnclaveFailure.InvalidArgument, $"\"{Engine}\" is no engine: auto, nitro, qemu, machine and process are.");
}
