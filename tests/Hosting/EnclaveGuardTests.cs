using System.Runtime.Versioning;

namespace NitroEnclaves.Hosting.Tests;

/// <summary>Each rule is met in a good enclave and broken alone in a bad one.</summary>
[UnsupportedOSPlatform("windows")]
public sealed class EnclaveGuardTests : IDisposable
{
    const string Limits = "Limit                     Soft Limit           Hard Limit           Units     \n";

    readonly FakeSurroundings _machine = new();
    readonly SoftwareEnclave _enclave = new();

    public void Dispose()
    {
        _machine.Dispose();
        _enclave.Dispose();
    }

    [Fact]
    public void A_good_enclave_meets_every_rule()
    {
        var report = Check();
        Assert.Equal(Enum.GetValues<EnclaveRule>(), report.Findings.Select(finding => finding.Rule));
        Assert.Empty(report.Broken);
        Assert.False(report.IsRefused);
    }

    [Theory]
    [InlineData(EnclaveRule.RandomSource, "/sys/class/misc/hw_random/rng_current", "tpm-rng-0\n", "tpm-rng-0")]
    [InlineData(EnclaveRule.RandomSource, "/sys/class/misc/hw_random/rng_current", "none\n", "none")]
    [InlineData(EnclaveRule.ClockSource, "/sys/devices/system/clocksource/clocksource0/current_clocksource", "tsc\n", "tsc")]
    [InlineData(EnclaveRule.CreditedEntropy, "/proc/cmdline", "random.trust_cpu=on random.trust_bootloader=off\n", "random.trust_cpu=off")]
    [InlineData(EnclaveRule.KernelVersion, "/proc/sys/kernel/osrelease", "5.17.11-cloud\n", "5.17.11")]
    [InlineData(EnclaveRule.KernelVersion, "/proc/sys/kernel/osrelease", "4.14.256-209.484.amzn2.x86_64\n", "4.14.256")]
    [InlineData(EnclaveRule.KernelVersion, "/proc/sys/kernel/osrelease", "new\n", "new")]
    [InlineData(EnclaveRule.Swap, "/proc/swaps", "Filename\tType\tSize\n/dev/zram0 partition 1048572\n", "/dev/zram0")]
    public void A_file_of_the_kernel_breaks_its_rule_alone(EnclaveRule rule, string path, string content, string named)
    {
        _machine.Write(path, content);
        Assert.Contains(named, BrokenAlone(rule).Explanation, StringComparison.Ordinal);
    }

    [Theory]
    [InlineData(EnclaveRule.RandomSource, "/sys/class/misc/hw_random/rng_current")]
    [InlineData(EnclaveRule.ClockSource, "/sys/devices/system/clocksource/clocksource0/current_clocksource")]
    [InlineData(EnclaveRule.CreditedEntropy, "/proc/cmdline")]
    [InlineData(EnclaveRule.KernelVersion, "/proc/sys/kernel/osrelease")]
    [InlineData(EnclaveRule.NsmPermissions, "/dev/nsm")]
    public void What_cannot_be_read_breaks_its_rule(EnclaveRule rule, string path)
    {
        _machine.Remove(path);
        BrokenAlone(rule);
    }

    [Fact]
    public void An_empty_list_of_swap_is_no_swap()
    {
        _machine.Write("/proc/swaps", "Filename\tType\tSize\n");
        Assert.Empty(Check().Broken);
    }

    [Fact]
    public void Core_dumps_are_a_matter_of_the_limit_where_the_kernel_writes_them()
    {
        _machine.Write("/proc/sys/kernel/core_pattern", "core\n");
        _machine.Write("/proc/self/limits", $"{Limits}Max core file size        0                    unlimited            bytes     \n");
        Assert.Empty(Check().Broken);
        _machine.Write("/proc/self/limits", $"{Limits}Max core file size        unlimited            unlimited            bytes     \n");
        Assert.Contains("unlimited", BrokenAlone(EnclaveRule.CoreDumps).Explanation, StringComparison.Ordinal);
    }

    [Fact]
    public void Core_dumps_that_a_program_takes_have_no_limit()
    {
        _machine.Write("/proc/sys/kernel/core_pattern", "|/lib/systemd/systemd-coredump %P\n");
        _machine.Write("/proc/self/limits", $"{Limits}Max core file size        0                    0                    bytes     \n");
        Assert.Contains("systemd-coredump", BrokenAlone(EnclaveRule.CoreDumps).Explanation, StringComparison.Ordinal);
    }

    [Theory]
    [InlineData(6)]
    [InlineData(-6)]
    public void A_clock_that_disagrees_with_the_NSM_breaks_its_rule(int seconds)
    {
        _machine.ClockOffset = TimeSpan.FromSeconds(seconds);
        BrokenAlone(EnclaveRule.SystemTime);
        _machine.ClockOffset = TimeSpan.FromSeconds(seconds / 2);
        Assert.Empty(Check().Broken);
    }

    [Fact]
    public void Without_an_NSM_the_rules_that_need_it_are_broken()
    {
        var report = new EnclaveGuard(new EnclaveGuardOptions(), "/dev/none", _machine.Surroundings, shared: null).Check();
        Assert.Equal([EnclaveRule.SystemTime, EnclaveRule.DebugMode, EnclaveRule.NsmPermissions], report.Broken.Select(finding => finding.Rule));
        Assert.All(report.Broken, finding => Assert.Contains("no /dev/none", finding.Explanation, StringComparison.Ordinal));
    }

    [Fact]
    public void The_runtime_s_older_variables_count_as_well()
    {
        _machine.Variables.Clear();
        _machine.Variables["COMPlus_EnableDiagnostics"] = "0";
        Assert.Empty(Check().Broken);
    }

    [Theory]
    [InlineData("DOTNET_EnableDiagnostics", "1")]
    [InlineData("DOTNET_DbgEnableMiniDump", "1")]
    public void Diagnostics_of_the_runtime_break_their_rule(string variable, string value)
    {
        _machine.Variables[variable] = value;
        Assert.Contains(variable, BrokenAlone(EnclaveRule.RuntimeDiagnostics).Explanation, StringComparison.Ordinal);
    }

    [Fact]
    public void A_device_open_to_everybody_breaks_its_rule()
    {
        _machine.SetMode("/dev/nsm", (UnixFileMode)0x1B6);
        Assert.Contains("666", BrokenAlone(EnclaveRule.NsmPermissions).Explanation, StringComparison.Ordinal);
    }

    [Fact]
    public void Debug_mode_is_seen_from_the_enclave_s_own_registers()
    {
        using var debugged = new SoftwareEnclave(debugMode: true);
        var report = new EnclaveGuard(new EnclaveGuardOptions(), "/dev/nsm", _machine.Surroundings, () => debugged.Nsm).Check();
        Assert.Equal(EnclaveRule.DebugMode, Assert.Single(report.Broken).Rule);
    }

    [Fact]
    public void A_broken_rule_refuses_is_reported_or_ignored_as_the_options_say()
    {
        _machine.Write("/proc/swaps", "Filename\n/swap file 1\n");
        var options = new EnclaveGuardOptions();
        var exception = Assert.Throws<EnclaveGuardException>(() => Guard(options).Enforce());
        Assert.Contains("/swap", exception.Message, StringComparison.Ordinal);
        Assert.True(exception.Report.IsRefused);

        options[EnclaveRule.Swap] = GuardAction.Report;
        Assert.Equal(EnclaveRule.Swap, Assert.Single(Guard(options).Enforce().Broken).Rule);
        options[EnclaveRule.Swap] = GuardAction.Ignore;
        Assert.Empty(Guard(options).Enforce().Broken);
        Assert.Empty(Guard(options.SetAll(GuardAction.Ignore)).Check().Findings);
        Assert.Throws<ArgumentOutOfRangeException>(() => options[(EnclaveRule)99]);
        Assert.Throws<ArgumentOutOfRangeException>(() => options[EnclaveRule.Swap] = (GuardAction)9);
    }

    EnclaveFinding BrokenAlone(EnclaveRule rule)
    {
        var broken = Assert.Single(Check().Broken);
        Assert.Equal(rule, broken.Rule);
        return broken;
    }

    EnclaveGuardReport Check() => Guard(new EnclaveGuardOptions()).Check();

    EnclaveGuard Guard(EnclaveGuardOptions options) => new(options, "/dev/nsm", _machine.Surroundings, () => _enclave.Nsm);
}
