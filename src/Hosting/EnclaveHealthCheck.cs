using Microsoft.Extensions.Diagnostics.HealthChecks;

namespace NitroEnclaves.Hosting;

/// <summary>
/// Says whether the enclave still meets the guard's rules: looks again at what may change while a service runs, such as the clock source.
/// It does not ask the NSM, which may take two minutes to answer.
/// </summary>
sealed class EnclaveHealthCheck(EnclaveGuardService service, EnclaveGuard guard) : IHealthCheck
{
    public Task<HealthCheckResult> CheckHealthAsync(HealthCheckContext context, CancellationToken cancellationToken = default) =>
        Task.FromResult(service.Report is null
            ? HealthCheckResult.Unhealthy("The enclave was not looked at.")
            : Judge(guard.CheckAgain(service.Report)));

    static HealthCheckResult Judge(EnclaveGuardReport report)
    {
        var broken = string.Join(' ', report.Broken);
        return report.IsRefused ? HealthCheckResult.Unhealthy(broken)
            : broken.Length > 0 ? HealthCheckResult.Degraded(broken)
            : HealthCheckResult.Healthy("The enclave meets every rule that is looked at.");
    }
}
