using System.Text;
using System.Text.RegularExpressions;
using NitroEnclaves.Attestation;
using NitroEnclaves.Enclaves;
using NitroEnclaves.Images;
using NitroEnclaves.Nsm;

namespace NitroEnclaves.EndToEnd.Tests;

/// <summary>
/// The guard of a service's start-up in guests that are in a bad state, each of its rules broken in one of them, and in good ones; and the
/// attested TLS of the same service.
/// </summary>
public sealed partial class EnclaveGuardTests(AttestedTlsSample sample) : IClassFixture<AttestedTlsSample>
{
    const string Greeting = "Good day.";

    static readonly string[] s_good = ["DOTNET_EnableDiagnostics=0"];

    // The clock that the rule asks for is KVM's: under emulation of the processor, and on the machine itself, it is another.
    static readonly string[] s_clock = KvmAvailability.OfThisMachine().IsUsable ? [] : ["ClockSource"];

    [Fact(Timeout = 300_000)]
    public async Task A_good_enclave_meets_every_rule_and_its_TLS_ends_in_it()
    {
        var image = sample.Build("guarded", ["nsm-closed"], [.. s_good, $"Greeting={Greeting}"]);
        await using var host = new EnclaveHost();
        await using var enclave = await host.StartAsync(host.Options(image.Path) with { MemoryMiB = 512 });
        var measured = Expected(image);
        var answer = await AttestedTlsSample.AskAsync(host, enclave.Info, AttestationPolicy.ForImage(measured), "/health");
        Assert.True(answer.ExitCode == 0, answer.Error);
        Assert.StartsWith($"TLS ends in {enclave.Info.EnclaveId}, PCR0 {measured.Pcr0.ToString()[..16]}", answer.Error, StringComparison.Ordinal);
        Assert.Equal(s_clock, BrokenBy(answer.Output));
        Assert.Equal(10 - s_clock.Length, answer.Output.Split('\n').Count(line => line.Contains(": met. ", StringComparison.Ordinal)));

        // What the service says is in a register of its own: the value is predicted, and another is refused.
        var configured = AttestationPolicy.ForImage(measured).WithPcr(16, PcrValue.OfContent(Encoding.UTF8.GetBytes(Greeting)));
        var greeting = await AttestedTlsSample.AskAsync(host, enclave.Info, configured, "/");
        Assert.Equal((0, $"{Greeting}\n"), (greeting.ExitCode, greeting.Output));
        var elsewise = AttestationPolicy.ForImage(measured).WithPcr(16, PcrValue.OfContent("Good-bye."u8));
        Assert.StartsWith("refused (PcrMismatch): ", (await AttestedTlsSample.AskAsync(host, enclave.Info, elsewise, "/")).Error, StringComparison.Ordinal);

        // The same enclave, and a client that expects another image.
        var other = new ImageMeasurements(measured.Pcr0, measured.Pcr1, PcrValue.OfContent("another program"u8));
        var refused = await AttestedTlsSample.AskAsync(host, enclave.Info, AttestationPolicy.ForImage(other), "/");
        Assert.Equal(1, refused.ExitCode);
        Assert.StartsWith("refused (ImageMismatch): ", refused.Error, StringComparison.Ordinal);

        // What all of this took, as the enclave's process counts it: two documents, one for the guard's look at the clock.
        var statistics = await enclave.Client.GetStatisticsAsync(TestContext.Current.CancellationToken);
        Assert.Equal(2, statistics.NsmRequests["Attestation"]);
        Assert.Equal((1, 1), (statistics.NsmRequests["ExtendPcr"], statistics.NsmRequests["LockPcr"]));
        Assert.True(statistics.Vsock is { BytesFromEnclave: > 10_000, BytesToEnclave: > 1_000 }, $"{statistics.Vsock}");
        await enclave.Client.TerminateAsync(TestContext.Current.CancellationToken);
        await host.AssertNothingLeftAsync();
    }

    [Fact(Timeout = 300_000)]
    public async Task What_an_image_and_its_start_can_do_wrong_breaks_the_rules_that_say_so()
    {
        var careless = EnclaveImageBuilder.DefaultCommandLine.Replace("random.trust_cpu=off", "random.trust_cpu=on", StringComparison.Ordinal);
        var (findings, end) = await RunToRefusalAsync(sample.Build("careless", ["clock-ahead"], [], commandLine: careless));
        Assert.Equal(
            (string[])["CreditedEntropy", .. s_clock, "SystemTime", "RuntimeDiagnostics", "DebugMode", "NsmPermissions"], findings.Keys);
        Assert.Contains("lacks random.trust_cpu=off", findings["CreditedEntropy"], StringComparison.Ordinal);
        Assert.Contains("mode 666", findings["NsmPermissions"], StringComparison.Ordinal);
        Assert.Contains("service does not start. The enclave is in debug mode", findings["DebugMode"], StringComparison.Ordinal);
        Assert.Equal((EnclaveEndKind.Exited, 1), (end.Kind, end.Status));
    }

    [Fact(Timeout = 300_000)]
    public async Task What_a_kernel_can_do_wrong_breaks_the_rules_that_say_so()
    {
        await Tool.RunAsync(Checkout.In("tests", "EndToEnd", "old-kernel"), []);
        var (findings, end) = await RunToRefusalAsync(sample.Build("old", ["swap", "core-dumps"], s_good, KernelKind.Old));
        Assert.Superset(new HashSet<string> { "RandomSource", "Swap", "CoreDumps", "KernelVersion", "NsmPermissions" }, findings.Keys.ToHashSet());
        Assert.Contains("/dev/ram0", findings["Swap"], StringComparison.Ordinal);
        Assert.Contains("limit: unlimited", findings["CoreDumps"], StringComparison.Ordinal);
        Assert.Contains("5.10.0-32-cloud-amd64, older than 5.17.12", findings["KernelVersion"], StringComparison.Ordinal);
        Assert.Contains("no /dev/nsm", findings["NsmPermissions"], StringComparison.Ordinal);
        Assert.Equal((EnclaveEndKind.Exited, 1), (end.Kind, end.Status));
    }

    [Fact(Timeout = 300_000)]
    public async Task Under_the_process_engine_the_guard_sees_the_machine_s_kernel_and_refuses()
    {
        var (findings, end) = await RunToRefusalAsync(sample.Build("process", ["nsm-closed"], s_good), EngineChoice.Process);
        // The kernel's randomness and command line are the machine's; the registers and the device are the enclave's own.
        Assert.Contains("the service does not start", findings["RandomSource"], StringComparison.Ordinal);
        Assert.Contains("CreditedEntropy", findings.Keys);
        Assert.Contains("DebugMode", findings.Keys);
        Assert.DoesNotContain("SystemTime", findings.Keys);
        Assert.DoesNotContain("NsmPermissions", findings.Keys);
        Assert.Equal((EnclaveEndKind.Exited, 1), (end.Kind, end.Status));
    }

    [Fact(Timeout = 300_000)]
    public async Task Under_the_process_engine_Kestrel_serves_attested_TLS_where_the_machine_s_kernel_is_only_reported()
    {
        string[] reported = [.. ((string[])["RandomSource", "Swap", "KernelVersion"]).Select(rule => $"NitroEnclave__Guard__{rule}=Report")];
        var image = sample.Build("served", ["nsm-closed"], [.. s_good, .. reported, $"Greeting={Greeting}"]);
        await using var host = new EnclaveHost(EngineChoice.Process);
        await using var enclave = await host.StartAsync(host.Options(image.Path) with { MemoryMiB = 512 });
        var greeting = await AttestedTlsSample.AskAsync(host, enclave.Info, AttestationPolicy.ForImage(Expected(image)), "/");
        Assert.Equal((0, $"{Greeting}\n"), (greeting.ExitCode, greeting.Output));
        await enclave.Client.TerminateAsync(TestContext.Current.CancellationToken);
        await host.AssertNothingLeftAsync();
    }

    // The console can be read in debug mode alone, which the guard refuses: the service ends after it has logged what was found.
    static async Task<(Dictionary<string, string> Findings, EnclaveEnd End)> RunToRefusalAsync(GuestImage image, EngineChoice engine = EngineChoice.Qemu)
    {
        await using var host = new EnclaveHost(engine);
        await using var enclave = await host.StartAsync(host.Options(image.Path) with { MemoryMiB = 512, DebugMode = true });
        var console = await GuestConsole.FollowAsync(enclave.Client);
        var end = await enclave.WaitAsync(TestContext.Current.CancellationToken);
        var findings = Finding().Matches(console);
        Assert.True(findings.Count > 0, console);
        await host.AssertNothingLeftAsync();
        return (findings.ToDictionary(match => match.Groups[1].Value, match => match.Groups[2].Value), end);
    }

    static string[] BrokenBy(string health) => [.. health.Split('\n').Where(line => line.Contains(": broken. ", StringComparison.Ordinal)).Select(line => line.Split(':')[0])];

    static ImageMeasurements Expected(GuestImage image) => new(image.Measurements.Pcr0, image.Measurements.Pcr1, image.Measurements.Pcr2);

    [GeneratedRegex(@"Enclave rule (\w+) is broken(.*)")]
    private static partial Regex Finding();
}
