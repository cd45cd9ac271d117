namespace NitroEnclaves.Kms.Emulator;

/// <summary>What a key policy says about a request.</summary>
/// <param name="IsAllowed">Whether a statement allows it and none denies it.</param>
/// <param name="IsExplicitDeny">Whether a statement denies it.</param>
/// <param name="Explanation">The statement that decided, or the condition that kept one from allowing it; for people.</param>
sealed record KeyPolicyDecision(bool IsAllowed, bool IsExplicitDeny, string Explanation);
