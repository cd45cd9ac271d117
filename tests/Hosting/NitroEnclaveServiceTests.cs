using System.Runtime.Versioning;
using Microsoft.Extensions.Configuration;
using Microsoft.Extensions.DependencyInjection;
using Microsoft.Extensions.Diagnostics.HealthChecks;
using Microsoft.Extensions.Hosting;
using Microsoft.Extensions.Logging;
using Microsoft.Extensions.Options;

namespace NitroEnclaves.Hosting.Tests;

/// <summary>The enclave in a service's container: the guard at the start, what it logs, and the health afterwards.</summary>
[UnsupportedOSPlatform("windows")]
public sealed class NitroEnclaveServiceTests : IDisposable
{
    readonly FakeSurroundings _machine = new();
    readonly SoftwareEnclave _enclave = new();
    readonly RecordingLogger _log = new();

    public void Dispose()
    {
        _machine.Dispose();
        _enclave.Dispose();
    }

    [Fact]
    public async Task A_service_in_a_good_enclave_starts_healthy()
    {
        using var host = Build();
        Assert.Equal(HealthStatus.Unhealthy, await HealthAsync(host));
        await host.StartAsync(TestContext.Current.CancellationToken);
        Assert.Equal(HealthStatus.Healthy, await HealthAsync(host));
        Assert.Equal(Enum.GetValues<EnclaveRule>().Length, _log.Events.Count(id => id == 1001));
        Assert.DoesNotContain(1002, _log.Events);
        await host.StopAsync(TestContext.Current.CancellationToken);
    }

    [Fact]
    public async Task A_reported_rule_degrades_the_service_s_health()
    {
        _machine.Write("/sys/devices/system/clocksource/clocksource0/current_clocksource", "tsc\n");
        using var host = Build();
        await host.StartAsync(TestContext.Current.CancellationToken);
        Assert.Equal(HealthStatus.Degraded, await HealthAsync(host));
        Assert.Single(_log.Events, 1002);
    }

    [Fact]
    public async Task A_refused_rule_keeps_the_service_from_starting()
    {
        _machine.Write("/sys/class/misc/hw_random/rng_current", "none\n");
        using var host = Build();
        var refusal = await Assert.ThrowsAsync<EnclaveGuardException>(() => host.StartAsync(TestContext.Current.CancellationToken));
        Assert.Equal(EnclaveRule.RandomSource, Assert.Single(refusal.Report.Broken).Rule);
        Assert.Single(_log.Events, 1003);
        Assert.Equal(HealthStatus.Unhealthy, await HealthAsync(host));
    }

    [Fact]
    public async Task Options_that_cannot_be_meant_are_refused()
    {
        using var host = Build(options => options.NsmPath = "nsm");
        var refusal = await Assert.ThrowsAsync<OptionsValidationException>(() => host.StartAsync(TestContext.Current.CancellationToken));
        Assert.Contains("NsmPath", refusal.Message, StringComparison.Ordinal);
    }

    [Fact]
    public async Task Options_come_from_the_configuration_too()
    {
        _machine.Write("/proc/cmdline", "console=ttyS0\n");
        using var host = Build(configuration: new() { ["NitroEnclave:Guard:CreditedEntropy"] = "refuse", ["NitroEnclave:Guard:Swap"] = "Ignore" });
        var refusal = await Assert.ThrowsAsync<EnclaveGuardException>(() => host.StartAsync(TestContext.Current.CancellationToken));
        Assert.Equal(EnclaveRule.CreditedEntropy, Assert.Single(refusal.Report.Broken).Rule);
        Assert.DoesNotContain(refusal.Report.Findings, finding => finding.Rule == EnclaveRule.Swap);
    }

    [Theory]
    [InlineData("NitroEnclave:Guard:Swab", "Report", "Swab")]
    [InlineData("NitroEnclave:Guard:0", "Report", "Guard:0")]
    [InlineData("NitroEnclave:Guard:Swap", "Warn", "Warn")]
    [InlineData("NitroEnclave:Gard:Swap", "Report", "Gard")]
    [InlineData("NitroEnclave:NsmPath", "nsm", "NsmPath")]
    [InlineData("NitroEnclave:CertificateRenewal", "soon", "CertificateRenewal")]
    [InlineData("NitroEnclave:CertificateRenewal", "00:00", "CertificateRenewal")]
    [InlineData("NitroEnclave:CertificateRenewal", "03:00", "CertificateRenewal")]
    public async Task A_configuration_that_cannot_be_meant_is_refused(string key, string value, string named)
    {
        using var host = Build(configuration: new() { [key] = value });
        var refusal = await Assert.ThrowsAsync<OptionsValidationException>(() => host.StartAsync(TestContext.Current.CancellationToken));
        Assert.Contains(named, refusal.Message, StringComparison.Ordinal);
    }

    [Fact]
    public async Task Health_follows_what_changes_while_the_service_runs()
    {
        using var host = Build();
        await host.StartAsync(TestContext.Current.CancellationToken);
        _machine.Write("/sys/devices/system/clocksource/clocksource0/current_clocksource", "tsc\n");
        Assert.Equal(HealthStatus.Degraded, await HealthAsync(host));
        _machine.Write("/proc/swaps", "Filename\n/swap file 1\n");
        Assert.Equal(HealthStatus.Unhealthy, await HealthAsync(host));
        _machine.Write("/sys/devices/system/clocksource/clocksource0/current_clocksource", "kvm-clock\n");
        _machine.Remove("/proc/swaps");
        Assert.Equal(HealthStatus.Healthy, await HealthAsync(host));
    }

    IHost Build(Action<NitroEnclaveOptions>? configure = null, Dictionary<string, string?>? configuration = null)
    {
        var builder = Host.CreateEmptyApplicationBuilder(null);
        builder.Logging.SetMinimumLevel(LogLevel.Trace);
        builder.Services.AddSingleton<ILoggerProvider>(_log);
        builder.Services.AddSingleton(_enclave.Nsm);
        builder.Services.AddSingleton(services => new EnclaveGuard(
            services.GetRequiredService<IOptions<NitroEnclaveOptions>>().Value.Guard, "/dev/nsm", _machine.Surroundings, () => _enclave.Nsm));
        if (configuration is null)
        {
            builder.Services.AddNitroEnclave(configure);
        }
        else
        {
            builder.Configuration.AddInMemoryCollection(configuration);
            builder.Services.AddNitroEnclave(builder.Configuration.GetSection("NitroEnclave"));
        }

        return builder.Build();
    }

    static async Task<HealthStatus> HealthAsync(IHost host) =>
        (await host.Services.GetRequiredService<HealthCheckService>().CheckHealthAsync(TestContext.Current.CancellationToken))
            .Entries[NitroEnclaveServiceCollectionExtensions.HealthCheckName].Status;

    sealed class RecordingLogger : ILoggerProvider, ILogger
    {
        readonly List<int> _events = [];

        public IReadOnlyList<int> Events => _events;

        public ILogger CreateLogger(string categoryName) => this;

        public IDisposable? BeginScope<TState>(TState state)
            where TState : notnull => null;

        public bool IsEnabled(LogLevel logLevel) => true;

        public void Log<TState>(LogLevel logLevel, EventId eventId, TState state, Exception? exception, Func<TState, Exception?, string> formatter)
        {
            if (eventId.Id is >= 1001 and <= 1003)
            {
                _events.Add(eventId.Id);
            }
        }

        public void Dispose()
        {
        }
    }
}
