namespace NitroEnclaves.Hosting;

/// <summary>What became of one rule.</summary>
/// <param name="Rule">The rule.</param>
/// <param name="IsMet">Whether it is met. What cannot be found out is not.</param>
/// <param name="Action">What was to happen if it is not.</param>
/// <param name="Explanation">One sentence in English: what was found, and what to do about it where the rule is broken.</param>
public sealed record EnclaveFinding(EnclaveRule Rule, bool IsMet, GuardAction Action, string Explanation)
{
    /// <summary>Whether this finding keeps the service from starting.</summary>
    public bool IsRefused => !IsMet && Action == GuardAction.Refuse;

    /// <summary>The finding without the rule's name: "met", "broken" or "refused", and the explanation.</summary>
    public string Outcome => $"{(IsMet ? "met" : IsRefused ? "refused" : "broken")}. {Explanation}";

    /// <inheritdoc/>
    public override string ToString() => $"{Rule}: {Outcome}";
}
