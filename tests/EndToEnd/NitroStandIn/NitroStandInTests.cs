using System.Diagnostics;
using System.Globalization;
using System.Text.Json.Nodes;
using NitroEnclaves.Tests;

namespace NitroEnclaves.EndToEnd.Tests;

/// <summary>
/// The command, as it is built and with its own ioctls, against the stand-in for Linux's driver: huge pages are this machine's, enclaves are
/// booted from them, heartbeats come to port 9000.
/// </summary>
public sealed class NitroStandInTests
{
    const int MemoryMiB = 64;
    const int PagesOfEnclave = MemoryMiB / 2;
    const int PagesOfRules = 128;
    const int PagesOfCalls = 64;

    // Fifty on request: NITRO_PARALLEL=50.
    const int Parallel = 6;

    // All twenty points of a launch on request: NITRO_KILLS=20.
    const int Kills = 3;

    static CancellationToken Cancellation => TestContext.Current.CancellationToken;

    [Fact(Timeout = 600_000)]
    public async Task Enclaves_are_started_described_read_asked_and_ended()
    {
        await using var host = new EnclaveHost();
        using var pages = await HugePageAllowance.TakeAsync(PagesOfEnclave);
        await using var parent = new InterceptedParent(new ParentTopology(3));
        var image = await GuestImage.FromProgramAsync("vsock");

        var started = JsonNode.Parse(await SucceedsAsync(parent, host, Run(image, "--debug-mode")))!;
        var id = (string)started["EnclaveID"]!;
        var slot = Assert.Single(parent.Hypervisor.Slots);
        Assert.Equal((slot.Cid, (ulong)MemoryMiB, 2), ((uint)started["EnclaveCID"]!, (ulong)started["MemoryMiB"]!, (int)started["NumberOfCPUs"]!));
        Assert.EndsWith($"-enc{slot.Number:x16}", id, StringComparison.Ordinal);
        Assert.Equal(0, HugePageAllowance.FreeNow);

        var described = JsonNode.Parse(await SucceedsAsync(parent, host, "describe-enclaves"))!.AsArray();
        Assert.Equal("RUNNING", (string?)Assert.Single(described)!["State"]);
        Assert.Equal(image.Measurements.Pcr0.ToString(), (string?)described[0]!["Measurements"]!["PCR0"]);
        while (!(await SucceedsAsync(parent, host, "console", "--enclave-id", id, "--disconnect-timeout", "1")).Contains("Linux version", StringComparison.Ordinal))
        {
            // A busy machine may need longer than a second to bring it here.
        }

        Assert.Equal(VsockOrder.HashOfNothing, await AskAsync(parent, host, VsockOrder.Sink));

        var refused = await parent.RunAsync(host.Environment, [Checkout.PublishedCommand, .. Run(image)]);
        Assert.Equal(27, refused.ExitCode);
        await SucceedsAsync(parent, host, "terminate-enclave", "--enclave-id", id);
        await NothingIsLeftAsync(parent, host, pages);

        // The second one ends by itself, which its descriptor shows by a hang-up.
        id = (string)JsonNode.Parse(await SucceedsAsync(parent, host, Run(image)))!["EnclaveID"]!;
        var waiting = SucceedsAsync(parent, host, "wait-enclave", "--enclave-id", id);
        while (!await host.IsWaitedForAsync(id))
        {
            Assert.False(waiting.IsCompleted);
            await Task.Delay(20, Cancellation);
        }

        await AskAsync(parent, host, VsockOrder.Quit);
        Assert.Equal("Exited", (string?)JsonNode.Parse(await waiting)!["Kind"]);
        await NothingIsLeftAsync(parent, host, pages);
        Assert.Empty(parent.Faults);
    }

    [Fact(Timeout = 300_000)]
    public async Task Every_refusal_of_the_driver_is_provoked_by_its_ioctl()
    {
        await using var host = new EnclaveHost();
        using var pages = await HugePageAllowance.TakeAsync(PagesOfRules);
        var provoked = new HashSet<NitroRule>();
        await using (var parent = new InterceptedParent(new ParentTopology(3)))
        {
            await ProvokeAsync(parent, host, provoked);
            await NothingIsLeftAsync(parent, host, pages);
        }

        // The pool's CPUs are far from the memory of this machine.
        await using (var parent = new InterceptedParent(new ParentTopology(3, Node: 1)))
        {
            await ProvokeAsync(parent, host, provoked, "node", "0");
        }

        // Huge pages as some kernels for ARM have them.
        await using (var parent = new InterceptedParent(new ParentTopology(3), page => page with { Size = 64 << 10 }))
        {
            await ProvokeAsync(parent, host, provoked, "page");
        }

        await using (var parent = new InterceptedParent(new ParentTopology(3)))
        {
            var path = Path.Combine(host.TemporaryPath, "go");
            var running = ProvokeAsync(parent, host, provoked, "core", path);
            while (parent.Hypervisor.Slots.Count == 0)
            {
                await Task.Delay(5, Cancellation);
            }

            // A pool that grows under an enclave, and has only the new core.
            parent.Driver.SetPool(new ParentTopology(4).Pool with { Cpus = [6, 7] });
            await File.WriteAllTextAsync(path, "", Cancellation);
            await running;
        }

        DriverRules.AssertProvoked(provoked);
    }

    // That the answers are those of Linux's driver, NitroDriverTests compares.
    [Fact(Timeout = 300_000)]
    public async Task Calls_in_any_order_are_answered_alike_each_time_and_leave_nothing()
    {
        await using var host = new EnclaveHost();
        using var pages = await HugePageAllowance.TakeAsync(PagesOfCalls);
        await using var parent = new InterceptedParent(new ParentTopology(3));
        var program = await GuestPrograms.CompileAsync("driver-random");
        var outputs = new HashSet<string>();
        for (var run = 0; run < 2; run++)
        {
            var result = await parent.RunAsync(host.Environment, program, "20261123", "5000");
            Assert.True(result is { ExitCode: 0, Error: "" }, $"{result}");
            await NothingIsLeftAsync(parent, host, pages);
            outputs.Add(result.Output);
        }

        var lines = Assert.Single(outputs).Split('\n');
        Assert.Contains(lines, line => line.StartsWith("start", StringComparison.Ordinal) && line.EndsWith(": 0", StringComparison.Ordinal));
        Assert.Contains(NitroRule.FullCoresNotUsed, parent.Driver.Refusals);
    }

    [Fact(Timeout = 1_800_000)]
    public async Task Parallel_starts_all_succeed()
    {
        var count = Wanted("NITRO_PARALLEL", Parallel);
        await using var host = new EnclaveHost();
        using var pages = await HugePageAllowance.TakeAsync(PagesOfEnclave * count);
        await using var parent = new InterceptedParent(new ParentTopology((uint)count + 1));
        var image = await GuestImage.FromProgramAsync("vsock");

        var clock = Stopwatch.StartNew();
        var outputs = await Task.WhenAll(Enumerable.Range(0, count).Select(_ => SucceedsAsync(parent, host, Run(image))));
        var started = outputs.Select(output => JsonNode.Parse(output)!).ToArray();
        Console.WriteLine($"{count} enclaves started at the same time: the last one's heartbeat came after {clock.Elapsed.TotalSeconds:0.0} s.");
        Assert.Equal(count, started.Select(enclave => (uint)enclave["EnclaveCID"]!).Distinct().Count());
        Assert.Equal(2 * count, started.SelectMany(enclave => enclave["CPUIDs"]!.AsArray()).Select(cpu => (uint)cpu!).Distinct().Count());
        Assert.Equal(count, parent.Hypervisor.Slots.Count(slot => slot.State == NitroSlotState.Running));
        Assert.Empty(parent.Driver.FreeCpus);
        Assert.Equal(0, HugePageAllowance.FreeNow);

        // The command waits three seconds for an answer, as nitro-cli does: on a machine of two processors not fifty at a time.
        foreach (var enclave in started)
        {
            await SucceedsAsync(parent, host, "terminate-enclave", "--enclave-id", (string)enclave["EnclaveID"]!);
        }

        await NothingIsLeftAsync(parent, host, pages);
        Assert.Empty(parent.Faults);
    }

    [Fact(Timeout = 1_800_000)]
    public async Task Nothing_is_left_of_a_launch_that_is_killed_at_any_point()
    {
        await using var host = new EnclaveHost();
        using var pages = await HugePageAllowance.TakeAsync(PagesOfEnclave);
        await using var parent = new InterceptedParent(new ParentTopology(2));
        var image = await GuestImage.FromProgramAsync("vsock");
        var clock = Stopwatch.StartNew();
        var id = (string)JsonNode.Parse(await SucceedsAsync(parent, host, Run(image)))!["EnclaveID"]!;
        var launch = clock.ElapsedMilliseconds;
        await SucceedsAsync(parent, host, "terminate-enclave", "--enclave-id", id);
        await NothingIsLeftAsync(parent, host, pages);

        var random = new Random(20261121);
        for (var count = Wanted("NITRO_KILLS", Kills); count > 0; count--)
        {
            using var program = parent.Start(host.Environment, [Checkout.PublishedCommand, .. Run(image)]);
            await Task.Delay((int)random.NextInt64(launch), Cancellation);
            while (host.Processes() is { Count: > 0 } processes)
            {
                foreach (var process in processes)
                {
                    process.Kill();
                }
            }

            await program.WaitAsync();
            // What lies in the registry is there until somebody looks.
            Assert.Equal("[]", await SucceedsAsync(parent, host, "describe-enclaves"));
            await NothingIsLeftAsync(parent, host, pages);
        }
    }

    static int Wanted(string variable, int otherwise) =>
        int.TryParse(Environment.GetEnvironmentVariable(variable), NumberStyles.None, CultureInfo.InvariantCulture, out var wanted) ? wanted : otherwise;

    static async Task ProvokeAsync(InterceptedParent parent, EnclaveHost host, HashSet<NitroRule> provoked, params string[] arguments)
    {
        var result = await parent.RunAsync(host.Environment, [await GuestPrograms.CompileAsync("driver-rules"), .. arguments]);
        Assert.True(result is { ExitCode: 0, Error: "" }, $"{result}\n{parent.Faults}");
        var rules = DriverRules.Read(result.Output);
        // Each refusal of the stand-in has named the rule that it mirrors.
        Assert.Equal(rules.Select(rule => rule.Name).Order(), parent.Driver.Refusals.Select(rule => rule.Name).Order());
        provoked.UnionWith(rules);
    }

    static string[] Run(GuestImage image, params string[] more) =>
        ["run-enclave", "--engine", "nitro", "--eif-path", image.Path, "--cpu-count", "2", "--memory", $"{MemoryMiB}", "--boot-timeout", "900", .. more];

    static async Task NothingIsLeftAsync(InterceptedParent parent, EnclaveHost host, HugePageAllowance pages)
    {
        while (!parent.Hypervisor.IsIdle || HugePageAllowance.FreeNow != pages.FreeAtFirst
            || (await File.ReadAllTextAsync("/proc/net/unix", Cancellation)).Contains(parent.Name, StringComparison.Ordinal))
        {
            await Task.Delay(20, Cancellation);
        }

        Assert.Equal(parent.Driver.Pool.Cpus, parent.Driver.FreeCpus);
        await host.AssertNothingLeftAsync();
    }

    // The program in the enclave may not listen yet when its init has said that it is ready.
    static async Task<string> AskAsync(InterceptedParent parent, EnclaveHost host, string order)
    {
        var ask = await GuestPrograms.CompileAsync("ask");
        while (true)
        {
            var asked = await parent.RunAsync(host.Environment, ask, $"{Assert.Single(parent.Hypervisor.Slots).Cid}", $"{VsockOrder.Port}", order);
            if (asked.ExitCode == 0)
            {
                return asked.Output;
            }

            await Task.Delay(50, Cancellation);
        }
    }

    static async Task<string> SucceedsAsync(InterceptedParent parent, EnclaveHost host, params string[] arguments)
    {
        var result = await parent.RunAsync(host.Environment, [Checkout.PublishedCommand, .. arguments]);
        Assert.True(result.ExitCode == 0, $"nitro {string.Join(' ', arguments)}: {result}\n{parent.Faults}");
        return result.Output.Trim();
    }
}
