using System.Text.Json.Serialization;

namespace NitroEnclaves.Enclaves;

/// <summary>What <c>run-enclave</c> prints, key by key as nitro-cli does (eif-and-nitro-cli 3.2).</summary>
public record EnclaveRunInfo
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

    /// <summary>The CPUs of the parent that the enclave was given; for an emulated one that only had a number, the numbers of its vCPUs.</summary>
    [JsonPropertyName("CPUIDs"), JsonPropertyOrder(5)]
    public required IReadOnlyList<uint> CpuIds { get; init; }

    /// <summary>The enclave's memory in MiB.</summary>
    [JsonPropertyName("MemoryMiB"), JsonPropertyOrder(6)]
    public required ulong MemoryMiB { get; init; }
}
