using Microsoft.Extensions.Diagnostics.HealthChecks;

namespace NitroEnclaves.Hosting;

/// <summary>
/// Says whether the enclave still meets the guard's rules: looks again at what may change while a service runs, such as the clock source.
/// It does not ask the NSM, which may take two minutes to answer. Its data has what every rule found, by the rule's name.
/// </summary>
sealed class EnclaveHealthCheck(EnclaveGuardService service, EnclaveGuard guard) : IHealthCheck
{
    public Task<HealthCheckResult> CheckHealthAsync(HealthCheckContext context, CancellationToken cancellationToken = default) =>
        Task.FromResult(service.Report is null
            ? HealthCheckResult.Unhealthy("The enclave was not looked at.")
            : Judge(guard.CheckAgain(service.Report)));

    static HealthCheckResult Judge(EnclaveGuardReport report)
    {
        var (status, description) = report switch
        {
            { IsRefused: true } => (HealthStatus.Unhealthy, string.Join(' ', report.Broken)),
            _ when report.Broken.Any() => (HealthStatus.Degraded, string.Join(' ', report.Broken)),
            _ => (HealthStatus.Healthy, "The enclave meets every rule that is looked at."),
        };
        return new HealthCheckResult(status, description, data: report.Findings.ToDictionary(finding => $"{finding.Rule}", finding => (object)finding.Outcome));
    }
}
