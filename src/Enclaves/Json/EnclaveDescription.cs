using System.Text.Json;
using System.Text.Json.Serialization;

namespace NitroEnclaves.Enclaves;

/// <summary>
/// One enclave as <c>describe-enclaves</c> prints it: what <c>run-enclave</c> told of it and more, nitro-cli's keys in nitro-cli's
/// order (eif-and-nitro-cli 3.2), then our own.
/// </summary>
public sealed record EnclaveDescription : EnclaveRunInfo
{
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

    /// <summary>Ours: how often the enclave was started again; null where its restart policy is <see cref="RestartMode.No"/>.</summary>
    [JsonPropertyName("Restarts"), JsonPropertyOrder(15)]
    public int? Restarts { get; init; }
}
