using System.Text.Json.Serialization;

namespace NitroEnclaves.Enclaves;

/// <summary>What <c>terminate-enclave</c> prints, key by key as nitro-cli does (eif-and-nitro-cli 3.2).</summary>
public sealed record EnclaveTermination
{
    /// <summary>The enclave's name.</summary>
    [JsonPropertyName("EnclaveName"), JsonPropertyOrder(0)]
    public required string EnclaveName { get; init; }

    /// <summary>The enclave's id.</summary>
    [JsonPropertyName("EnclaveID"), JsonPropertyOrder(1)]
    public required string EnclaveId { get; init; }

    /// <summary>Whether the enclave is gone.</summary>
    [JsonPropertyName("Terminated"), JsonPropertyOrder(2)]
    public required bool Terminated { get; init; }
}
