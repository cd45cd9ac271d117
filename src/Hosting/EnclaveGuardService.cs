using Microsoft.Extensions.Hosting;
using Microsoft.Extensions.Logging;

namespace NitroEnclaves.Hosting;

/// <summary>Runs the guard before anything else of a service starts, and remembers what it found.</summary>
sealed partial class EnclaveGuardService(EnclaveGuard guard, ILogger<EnclaveGuardService> logger) : IHostedLifecycleService
{
    /// <summary>What the guard found; null before it has looked.</summary>
    public EnclaveGuardReport? Report { get; private set; }

    /// <inheritdoc/>
    /// <exception cref="EnclaveGuardException">A rule that refuses is broken.</exception>
    public async Task StartingAsync(CancellationToken cancellationToken)
    {
        // The NSM blocks, and cannot be interrupted: not on the thread that starts the service.
        var report = Report = await Task.Run(guard.Check, cancellationToken).ConfigureAwait(false);
        foreach (var finding in report.Findings)
        {
            if (finding.IsMet)
            {
                LogMet(finding.Rule, finding.Explanation);
            }
            else if (finding.IsRefused)
            {
                LogRefused(finding.Rule, finding.Explanation);
            }
            else
            {
                LogBroken(finding.Rule, finding.Explanation);
            }
        }

        if (report.IsRefused)
        {
            throw new EnclaveGuardException(report);
        }
    }

    public Task StartAsync(CancellationToken cancellationToken) => Task.CompletedTask;

    public Task StartedAsync(CancellationToken cancellationToken) => Task.CompletedTask;

    public Task StoppingAsync(CancellationToken cancellationToken) => Task.CompletedTask;

    public Task StopAsync(CancellationToken cancellationToken) => Task.CompletedTask;

    public Task StoppedAsync(CancellationToken cancellationToken) => Task.CompletedTask;

    // The numbers are part of the interface: whoever watches logs relies on them.
    [LoggerMessage(1001, LogLevel.Debug, "Enclave rule {Rule} is met. {Explanation}")]
    partial void LogMet(EnclaveRule rule, string explanation);

    [LoggerMessage(1002, LogLevel.Warning, "Enclave rule {Rule} is broken. {Explanation}")]
    partial void LogBroken(EnclaveRule rule, string explanation);

    [LoggerMessage(1003, LogLevel.Critical, "Enclave rule {Rule} is broken, and the service does not start. {Explanation}")]
    partial void LogRefused(EnclaveRule rule, string explanation);
}
