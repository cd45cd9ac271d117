namespace NitroEnclaves.Kms.Emulator;

/// <summary>One statement of a key policy.</summary>
sealed class KeyPolicyStatement
{
    /// <summary>Its <c>Sid</c>, or its number.</summary>
    internal required string Name { get; init; }

    /// <summary>Whether its effect is <c>Deny</c>.</summary>
    internal required bool IsDeny { get; init; }

    /// <summary>ARNs of principals; <c>*</c> for everybody.</summary>
    internal required IReadOnlyList<string> Principals { get; init; }

    /// <summary>Actions, with wildcards.</summary>
    internal required IReadOnlyList<string> Actions { get; init; }

    /// <summary>Conditions, all of which have to be met.</summary>
    internal required IReadOnlyList<KeyPolicyCondition> Conditions { get; init; }

    /// <summary>Whether the statement is about the request's principal and action.</summary>
    internal bool Names(KeyPolicyRequest request) =>
        Principals.Any(principal => principal == "*" || principal == request.Caller)
        && Actions.Any(action => Wildcard.Matches(action.ToUpperInvariant(), request.Action.ToUpperInvariant()));

    /// <summary>The first condition that the request does not meet, for people; null where it meets all.</summary>
    internal string? UnmetCondition(KeyPolicyRequest request) =>
        Conditions.FirstOrDefault(condition => !condition.IsMet(request.Values))?.Describe(request.Values);

    /// <inheritdoc/>
    public override string ToString() => $"statement {Name}";
}
