namespace NitroEnclaves.Enclaves;

/// <summary>Why an engine no longer runs an enclave.</summary>
/// <param name="IsFailure">False when the enclave ended itself (it reset or powered off), true when the engine broke.</param>
/// <param name="Explanation">A sentence for people.</param>
public sealed record EngineExit(bool IsFailure, string Explanation)
{
    /// <summary>A sentence that the engine adds to what the enclave itself reported of its end; null for none.</summary>
    public string? Circumstance { get; init; }
}
