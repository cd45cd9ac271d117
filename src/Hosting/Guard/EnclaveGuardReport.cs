using System.Collections.Immutable;

namespace NitroEnclaves.Hosting;

/// <summary>All findings of a check, in the order of the rules; those that are ignored are left out.</summary>
/// <param name="Findings">The findings.</param>
public sealed record EnclaveGuardReport(ImmutableArray<EnclaveFinding> Findings)
{
    /// <summary>Whether a broken rule keeps the service from starting.</summary>
    public bool IsRefused => Findings.Any(finding => finding.IsRefused);

    /// <summary>The rules that are broken, whatever is to become of that.</summary>
    public IEnumerable<EnclaveFinding> Broken => Findings.Where(finding => !finding.IsMet);

    /// <summary>A line for each finding.</summary>
    public override string ToString() => string.Join('\n', Findings);
}
