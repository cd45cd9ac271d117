namespace NitroEnclaves.Kms.Emulator;

/// <summary>What a key policy judges.</summary>
/// <param name="Action">The action: <c>kms:Decrypt</c>.</param>
/// <param name="Caller">The ARN of the principal.</param>
/// <param name="Values">The values of condition keys, by name without regard to case. What is not there is absent from the request.</param>
sealed record KeyPolicyRequest(string Action, string Caller, IReadOnlyDictionary<string, string> Values);
