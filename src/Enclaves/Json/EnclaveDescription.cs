using System.Text.Json;
using System.Text.Json.Serialization;

namespace NitroEnclaves.Enclaves;

/// <summary>
/// One enclave as <c>describe-enclaves</c> prints it: nitro-cli's keys in nitro-cli's order (eif-and-nitro-cli 3.2), then our own.
/// </summary>
public sealed record EnclaveDescription
{
    /// <summary>The enclave's name.</summary>
    [JsonPropertyName("EnclaveName"), JsonPropertyOrder(0)]
    public required string EnclaveName { get; init; }

    /// <summary>The enclave's id.</summary>
    [JsonPropertyName("EnclaveID"), JsonPropertyOrder(1)]
    public required string EnclaveId { get; init; }

    /// <summary>The process that owns the enclave.</summary>
    [JsonPropertyName("ProcessID"), JsonPropertyOrder(2)]
    public required int ProcessId { get; init; }

    /// <summary>The enclave's CID.</summary>
    [JsonPropertyName("EnclaveCID"), JsonPropertyOrder(3)]
    public required uint EnclaveCid { get; init; }

    /// <summary>The number of vCPUs.</summary>
    [JsonPropertyName("NumberOfCPUs"), JsonPropertyOrder(4)]
    public required int NumberOfCpus { get; init; }

    /// <summary>The CPUs of the parent that the enclave was given (see <see cref="EnclaveRunInfo.CpuIds"/>).</summary>
    [JsonPropertyName("CPUIDs"), JsonPropertyOrder(5)]
    public required IReadOnlyList<uint> CpuIds { get; init; }

    /// <summary>The enclave's memory in MiB.</summary>
    [JsonPropertyName("MemoryMiB"), JsonPropertyOrder(6)]
    public required ulong MemoryMiB { get; init; }

    /// <summary><c>RUNNING</c>, <c>TERMINATING</c> or <c>EMPTY</c>.</summary>
    [JsonPropertyName("State"), JsonPropertyOrder(7)]
    public required string State { get; init; }

    /// <summary><c>DEBUG_MODE</c> or <c>NONE</c>.</summary>
    [JsonPropertyName("Flags"), JsonPropertyOrder(8)]
    public required string Flags { get; init; }

    /// <summary>The image's measurements, also in debug mode, where documents show zeros instead.</summary>
    [JsonPropertyName("Measurements"), JsonPropertyOrder(9)]
    public IReadOnlyDictionary<string, string>? Measurements { get; init; }

    /// <summary>The image's name, where metadata was asked for and is there.</summary>
    [JsonPropertyName("ImageName"), JsonPropertyOrder(10)]
    public string? ImageName { get; init; }

    /// <summary>The image's version, where metadata was asked for and is there.</summary>
    [JsonPropertyName("ImageVersion"), JsonPropertyOrder(11)]
    public string? ImageVersion { get; init; }

    /// <summary>The image's other metadata, where it was asked for and is there.</summary>
    [JsonPropertyName("Metadata"), JsonPropertyOrder(12)]
    public JsonElement? Metadata { get; init; }

    /// <summary>Ours: the engine that runs the enclave.</summary>
    [JsonPropertyName("Engine"), JsonPropertyOrder(13)]
    public string? Engine { get; init; }

    /// <summary>Ours: what to know about keys in the enclave, where its engine is no isolation boundary.</summary>
    [JsonPropertyName("Warning"), JsonPropertyOrder(14)]
    public string? Warning { get; init; }
}
