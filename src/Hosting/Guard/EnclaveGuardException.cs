namespace NitroEnclaves.Hosting;

/// <summary>The enclave is not in the state that a service demands of it.</summary>
/// <param name="report">What was found.</param>
public sealed class EnclaveGuardException(EnclaveGuardReport report)
    : Exception($"The enclave breaks rules of its guard. {string.Join(' ', report.Findings.Where(finding => finding.IsRefused))}")
{
    /// <summary>What was found.</summary>
    public EnclaveGuardReport Report { get; } = report;
}
