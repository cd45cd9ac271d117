using NitroEnclaves.Nsm;

namespace NitroEnclaves.Hosting;

/// <summary>
/// Checks, when a service starts, that its enclave is in the state in which secrets may come in: what the security checklist asks for,
/// each point a rule of its own (<see cref="EnclaveRule"/>) that refuses, reports or is ignored.
/// </summary>
public sealed class EnclaveGuard
{
    readonly EnclaveGuardOptions _options;
    readonly KernelInspection _kernel;
    readonly Func<NsmInspection> _nsm;

    /// <summary>Makes a guard of the enclave in which this program runs.</summary>
    /// <param name="options">What becomes of each rule.</param>
    /// <param name="nsm">Whom to ask for the enclave's own registers and the time; it is not disposed of.</param>
    /// <param name="nsmPath">The NSM's device file, whose permissions are a rule.</param>
    public EnclaveGuard(EnclaveGuardOptions options, NsmClient nsm, string nsmPath = NsmDevice.DefaultPath)
        : this(options, nsmPath, new EnclaveSurroundings(), () => nsm) => ArgumentNullException.ThrowIfNull(nsm);

    /// <summary>
    /// Makes a guard that opens the NSM for the length of each check. Where there is none, the rules that need it are broken.
    /// </summary>
    /// <param name="options">What becomes of each rule.</param>
    /// <param name="nsmPath">The NSM's device file.</param>
    public EnclaveGuard(EnclaveGuardOptions options, string nsmPath = NsmDevice.DefaultPath)
        : this(options, nsmPath, new EnclaveSurroundings(), shared: null)
    {
    }

    internal EnclaveGuard(EnclaveGuardOptions options, string nsmPath, EnclaveSurroundings surroundings, Func<NsmClient>? shared)
    {
        ArgumentNullException.ThrowIfNull(options);
        ArgumentException.ThrowIfNullOrEmpty(nsmPath);
        (_options, _kernel) = (options, new KernelInspection(surroundings, nsmPath));
        _nsm = () => new NsmInspection(shared ?? (() => NsmClient.Open(nsmPath)), leaveOpen: shared is not null, surroundings.Clock);
    }

    /// <summary>Looks at every rule that is not ignored. Blocks for as long as the NSM takes; never throws for what it finds.</summary>
    public EnclaveGuardReport Check()
    {
        using var nsm = _nsm();
        return new([.. Looked().Select(rule => Find(rule, IsOfNsm(rule) ? nsm.Look(rule) : _kernel.Look(rule)))]);
    }

    /// <summary>Looks at every rule that is not ignored, and refuses where one that refuses is broken.</summary>
    /// <returns>What was found, which may hold broken rules that are only reported.</returns>
    /// <exception cref="EnclaveGuardException">A rule that refuses is broken.</exception>
    public EnclaveGuardReport Enforce()
    {
        var report = Check();
        return report.IsRefused ? throw new EnclaveGuardException(report) : report;
    }

    /// <summary>Looks again at what may have changed, without asking the NSM, which may take minutes: its findings stay.</summary>
    internal EnclaveGuardReport CheckAgain(EnclaveGuardReport earlier) =>
        new([.. earlier.Findings.Select(finding => IsOfNsm(finding.Rule) ? finding : Find(finding.Rule, _kernel.Look(finding.Rule)))]);

    IEnumerable<EnclaveRule> Looked() => Enum.GetValues<EnclaveRule>().Where(rule => _options[rule] != GuardAction.Ignore);

    EnclaveFinding Find(EnclaveRule rule, (bool IsMet, string Explanation) look) => new(rule, look.IsMet, _options[rule], look.Explanation);

    static bool IsOfNsm(EnclaveRule rule) => rule is EnclaveRule.DebugMode or EnclaveRule.SystemTime;
}
