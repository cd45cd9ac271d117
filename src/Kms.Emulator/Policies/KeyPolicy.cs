namespace NitroEnclaves.Kms.Emulator;

/// <summary>A key policy: statements that allow or deny. What none allows is refused; what one denies is, whatever others allow.</summary>
sealed class KeyPolicy(IReadOnlyList<KeyPolicyStatement> statements)
{
    /// <summary>The policy of keys that are created without one: everybody may do everything.</summary>
    internal const string Default = """
        {"Version":"2012-10-17","Statement":[{"Sid":"Everybody","Effect":"Allow","Principal":"*","Action":"kms:*","Resource":"*"}]}
        """;

    /// <summary>What AWS's KMS would accept without a word and nobody should want; for people.</summary>
    internal IEnumerable<string> Warnings() =>
        from statement in statements
        where !statement.IsDeny
        from condition in statement.Conditions
        where condition.ExpectsZeroRegister
        select $"{statement} expects {condition.Key} to be zero, as it is in every enclave in debug mode";

    /// <summary>Judges a request.</summary>
    internal KeyPolicyDecision Decide(KeyPolicyRequest request)
    {
        KeyPolicyStatement? allowing = null;
        string? unmet = null;
        foreach (var statement in statements.Where(statement => statement.Names(request)))
        {
            if (statement.UnmetCondition(request) is { } condition)
            {
                // The reason of an allowing statement that fails by its condition is what a developer looks for.
                unmet ??= statement.IsDeny ? null : $"{statement}: {condition}";
            }
            else if (statement.IsDeny)
            {
                return new KeyPolicyDecision(false, true, $"{statement} denies it");
            }
            else
            {
                allowing ??= statement;
            }
        }

        return allowing is not null
            ? new KeyPolicyDecision(true, false, $"{allowing} allows it")
            : new KeyPolicyDecision(false, false, unmet ?? $"no statement allows {request.Action} to {request.Caller}");
    }
}
