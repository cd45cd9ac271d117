namespace NitroEnclaves.Hosting;

/// <summary>What becomes of each rule of <see cref="EnclaveGuard"/>.</summary>
/// <remarks>
/// Unless changed, a service refuses to start where its secrets would be at risk whatever it does itself: randomness not from the NSM,
/// swap, an old kernel, debug mode. The other rules are reported.
/// </remarks>
public sealed class EnclaveGuardOptions
{
    readonly Dictionary<EnclaveRule, GuardAction> _actions = Enum.GetValues<EnclaveRule>().ToDictionary(
        rule => rule,
        rule => rule is EnclaveRule.RandomSource or EnclaveRule.Swap or EnclaveRule.KernelVersion or EnclaveRule.DebugMode
            ? GuardAction.Refuse
            : GuardAction.Report);

    /// <summary>What becomes of a rule that is broken.</summary>
    /// <param name="rule">The rule.</param>
    /// <exception cref="ArgumentOutOfRangeException">There is no such rule, or no such action.</exception>
    public GuardAction this[EnclaveRule rule]
    {
        get => _actions.TryGetValue(rule, out var action) ? action : throw new ArgumentOutOfRangeException(nameof(rule), rule, "There is no such rule.");
        set
        {
            ArgumentOutOfRangeException.ThrowIfNotEqual(Enum.IsDefined(rule), true, nameof(rule));
            ArgumentOutOfRangeException.ThrowIfNotEqual(Enum.IsDefined(value), true, nameof(value));
            _actions[rule] = value;
        }
    }

    /// <summary>Gives all rules the same action.</summary>
    /// <param name="action">The action.</param>
    public EnclaveGuardOptions SetAll(GuardAction action)
    {
        foreach (var rule in Enum.GetValues<EnclaveRule>())
        {
            this[rule] = action;
        }

        return this;
    }
}
