using System.Text.Json.Serialization;

namespace NitroEnclaves.Enclaves;

/// <summary>What the registry knows of an enclave: the contents of <c>&lt;id&gt;.json</c>.</summary>
public sealed record EnclaveEntry
{
    /// <summary>The enclave's name, unique in the registry.</summary>
    [JsonPropertyName("EnclaveName")]
    public required string Name { get; init; }

    /// <summary>The enclave's id.</summary>
    [JsonPropertyName("EnclaveID")]
    public required string Id { get; init; }

    /// <summary>The process that owns the enclave.</summary>
    [JsonPropertyName("ProcessID")]
    public required int ProcessId { get; init; }

    /// <summary>The enclave's CID, unique in the registry.</summary>
    [JsonPropertyName("EnclaveCID")]
    public required uint Cid { get; init; }

    /// <summary>The engine that runs it.</summary>
    [JsonPropertyName("Engine")]
    public required string Engine { get; init; }

    /// <summary>Where the enclave is in its life.</summary>
    [JsonPropertyName("State")]
    public required EnclaveState State { get; init; }
}
