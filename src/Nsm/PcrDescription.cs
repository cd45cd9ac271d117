namespace NitroEnclaves.Nsm;

/// <summary>A register as it stands.</summary>
/// <param name="Value">What it holds.</param>
/// <param name="IsLocked">Whether it can no longer change, and appears in documents.</param>
public readonly record struct PcrDescription(PcrValue Value, bool IsLocked);
