using System.Text.Json.Serialization;

namespace NitroEnclaves.Enclaves;

/// <summary>How an enclave ended.</summary>
/// <param name="Kind">What ended it.</param>
/// <param name="Status">The exit status or signal of its main program; null where that is unknown.</param>
/// <param name="Explanation">A sentence for people.</param>
public sealed record EnclaveEnd(
    [property: JsonPropertyName("Kind")] EnclaveEndKind Kind,
    [property: JsonPropertyName("Status")] int? Status,
    [property: JsonPropertyName("Explanation")] string Explanation)
{
    /// <summary>How often it had been started again; null where its restart policy is <see cref="RestartMode.No"/>.</summary>
    [JsonPropertyName("Restarts")]
    public int? Restarts { get; init; }

    /// <summary>The last lines of its console; null where there are none, or they are not for whoever asks.</summary>
    [JsonPropertyName("ConsoleTail")]
    public string? ConsoleTail { get; init; }
}
