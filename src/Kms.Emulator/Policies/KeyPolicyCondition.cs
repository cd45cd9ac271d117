namespace NitroEnclaves.Kms.Emulator;

/// <summary>One condition: an operator, a key, and the values of which one is enough (or none, for the operators that negate).</summary>
sealed record KeyPolicyCondition(KeyPolicyOperator Operator, bool IfExists, string Key, IReadOnlyList<string> Expected)
{
    /// <summary>Whether a register of zero meets it, among others perhaps: no image has one, every enclave in debug mode has.</summary>
    internal bool ExpectsZeroRegister =>
        Key.StartsWith("kms:RecipientAttestation:", StringComparison.OrdinalIgnoreCase)
        && Operator is KeyPolicyOperator.StringEquals or KeyPolicyOperator.StringEqualsIgnoreCase
        && Expected.Any(value => value.Length > 0 && value.All(digit => digit == '0'));

    /// <summary>Whether a request with these values meets the condition.</summary>
    internal bool IsMet(IReadOnlyDictionary<string, string> values)
    {
        var isPresent = values.TryGetValue(Key, out var actual);
        if (Operator == KeyPolicyOperator.Null)
        {
            return Expected.Any(expected => string.Equals(expected, "true", StringComparison.OrdinalIgnoreCase) != isPresent);
        }

        var negates = Operator is KeyPolicyOperator.StringNotEquals or KeyPolicyOperator.StringNotEqualsIgnoreCase or KeyPolicyOperator.StringNotLike;
        return isPresent ? Expected.Any(expected => Matches(expected, actual!)) != negates : negates || IfExists;
    }

    /// <summary>Why a request does not meet it, for people.</summary>
    internal string Describe(IReadOnlyDictionary<string, string> values) =>
        $"{Key} is {(values.TryGetValue(Key, out var actual) ? actual : "absent")}, the condition is {Operator}{(IfExists ? "IfExists" : "")} {string.Join(" or ", Expected)}";

    bool Matches(string expected, string actual) => Operator switch
    {
        KeyPolicyOperator.StringEquals or KeyPolicyOperator.StringNotEquals => expected == actual,
        KeyPolicyOperator.StringEqualsIgnoreCase or KeyPolicyOperator.StringNotEqualsIgnoreCase =>
            string.Equals(expected, actual, StringComparison.OrdinalIgnoreCase),
        _ => Wildcard.Matches(expected, actual),
    };
}
