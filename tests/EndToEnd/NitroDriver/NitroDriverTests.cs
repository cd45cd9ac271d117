using System.Diagnostics;
using System.Text.Json.Nodes;
using NitroEnclaves.Tests;

namespace NitroEnclaves.EndToEnd.Tests;

/// <summary>
/// The Nitro engine against Linux's own driver, as Debian compiles it, in a machine of its own: the ioctls, the CPU pool and the huge pages are
/// those of EC2; the hypervisor behind the PCI device is ours.
/// </summary>
public sealed class NitroDriverTests
{
    const string Command = "/bin/nitro";
    const string FreePages = "/sys/devices/system/node/node0/hugepages/hugepages-2048kB/free_hugepages";
    const string Pool = "/sys/module/nitro_enclaves/parameters/ne_cpus";

    static readonly string[] s_run = [Command, "run-enclave", "--eif-path", "/image.eif", "--cpu-count", "2", "--memory", "128", "--debug-mode"];

    // All twenty points of a launch on request: NITRO_KILLS=20.
    const int Kills = 1;

    const int Calls = 500;

    static readonly string[] s_seeds = ["20261121", "20261122"];

    static CancellationToken Cancellation => TestContext.Current.CancellationToken;

    [Fact(Timeout = 3_600_000)]
    public async Task Enclaves_run_behind_the_real_driver()
    {
        await Checkout.PrepareAsync();
        var image = await GuestImage.FromProgramAsync("vsock");
        var package = await DebianPackage.RootAsync();
        var configuration = Path.Combine(Checkout.Scratch, "allocator.yaml");
        await File.WriteAllTextAsync(configuration, "---\nmemory_mib: 256\ncpu_count: 4\n", Cancellation);
        await using var parent = await ParentMachine.BootAsync(
            ("bin/nitro", Path.Combine(package, "usr/lib/nitro-enclaves/nitro")),
            ("bin/ask", await GuestPrograms.CompileAsync("ask")),
            ("bin/driver-random", await GuestPrograms.CompileAsync("driver-random")),
            ("bin/driver-rules", await GuestPrograms.CompileAsync("driver-rules")),
            ("image.eif", image.Path),
            ("etc/nitro_enclaves/allocator.yaml", configuration));

        // Twice: the second time there is a pool to give back.
        await SucceedsAsync(parent, Command, "allocate");
        await SucceedsAsync(parent, Command, "allocate");
        Assert.Equal(("2-5", "128"), (await ReadAsync(parent, Pool), await ReadAsync(parent, FreePages)));

        await RunsOneAsync(parent, image);
        await RunsTwoAtTheSameTimeAsync(parent);
        await NothingIsLeftAsync(parent);
        await RefusesByItsRulesAsync(parent);
        await NothingIsLeftAsync(parent);
        await AnswersAsTheStandInAsync(parent);
        await NothingIsLeftAsync(parent);
        await IsKilledAtAnyPointAsync(parent);
    }

    static async Task RunsOneAsync(ParentMachine parent, GuestImage image)
    {
        var started = JsonNode.Parse(await SucceedsAsync(parent, s_run))!;
        var slot = Assert.Single(parent.Hypervisor.Slots);
        Assert.Equal((slot.Cid, 128ul, 2), ((uint)started["EnclaveCID"]!, (ulong)started["MemoryMiB"]!, (int)started["NumberOfCPUs"]!));
        Assert.EndsWith($"-enc{slot.Number:x16}", (string)started["EnclaveID"]!, StringComparison.Ordinal);
        Assert.Equal(slot.Vcpus.Order(), started["CPUIDs"]!.AsArray().Select(cpu => (uint)cpu!));
        Assert.Equal((128ul << 20, true), (slot.MemorySize, slot.IsDebug));

        var described = JsonNode.Parse(await DescribeAsync(parent))!.AsArray();
        Assert.Equal("RUNNING", (string?)Assert.Single(described)!["State"]);
        Assert.Equal(image.Measurements.Pcr0.ToString(), (string?)described[0]!["Measurements"]!["PCR0"]);

        Assert.Equal(VsockOrder.HashOfNothing, await SucceedsAsync(parent, "/bin/ask", $"{slot.Cid}", $"{VsockOrder.Port}", VsockOrder.Sink));
        var console = await SucceedsAsync(parent, Command, "console", "--enclave-id", (string)started["EnclaveID"]!, "--disconnect-timeout", "2");
        Assert.Contains("Linux version", console, StringComparison.Ordinal);

        // While an enclave runs, the pool stays as it is.
        var refused = await parent.RunAsync(Command, "allocate");
        Assert.NotEqual(0, refused.ExitCode);
        Assert.Contains("End all enclaves", refused.Error, StringComparison.Ordinal);

        await SucceedsAsync(parent, Command, "terminate-enclave", "--enclave-id", (string)started["EnclaveID"]!);
        await NothingIsLeftAsync(parent);
    }

    // Their heartbeats come to the one port 9000; and these end by themselves, which the driver says by a hang-up.
    static async Task RunsTwoAtTheSameTimeAsync(ParentMachine parent)
    {
        await SucceedsAsync(parent, ["twice", .. s_run]);
        var running = JsonNode.Parse(await DescribeAsync(parent))!.AsArray();
        Assert.Equal(["RUNNING", "RUNNING"], running.Select(enclave => (string?)enclave!["State"]));
        foreach (var enclave in running)
        {
            await SucceedsAsync(parent, "/bin/ask", enclave!["EnclaveCID"]!.ToString(), $"{VsockOrder.Port}", VsockOrder.Quit);
        }

        while (await DescribeAsync(parent) != "[]")
        {
            await Task.Delay(200, Cancellation);
        }
    }

    static async Task RefusesByItsRulesAsync(ParentMachine parent)
    {
        var provoked = DriverRules.Read(await SucceedsAsync(parent, "/bin/driver-rules"));
        provoked.UnionWith(DriverRules.Read(await SucceedsAsync(parent, "/bin/driver-rules", "node", $"{ParentMachine.FarNode}")));
        DriverRules.AssertProvoked(provoked, but: [.. NitroRule.Unverified.Keys]);
        foreach (var (rule, reason) in NitroRule.Unverified)
        {
            Console.WriteLine($"Unverified on the real driver: {rule.Name} ({rule.Error}), because {reason}.");
        }
    }

    // Whatever is asked for, in whatever order: the stand-in (NitroStandIn) gives the answers of the real one.
    static async Task AnswersAsTheStandInAsync(ParentMachine parent)
    {
        using var pages = await HugePageAllowance.TakeAsync(64);
        await using var standIn = new InterceptedParent(new ParentTopology(3));
        var program = await GuestPrograms.CompileAsync("driver-random");
        foreach (var seed in s_seeds)
        {
            var expected = await SucceedsAsync(parent, "/bin/driver-random", seed, $"{Calls}");
            var result = await standIn.RunAsync(new Dictionary<string, string>(), program, seed, $"{Calls}");
            Assert.Equal(expected.Split('\n'), result.Output.Trim().Split('\n'));
        }
    }

    // Everything of ours is killed while an enclave is being started: what the kernel holds for it has to go with it.
    static async Task IsKilledAtAnyPointAsync(ParentMachine parent)
    {
        var kills = InterceptedHost.Wanted("NITRO_KILLS", Kills);
        var clock = Stopwatch.StartNew();
        var started = JsonNode.Parse(await SucceedsAsync(parent, s_run))!;
        var launch = clock.ElapsedMilliseconds;
        await SucceedsAsync(parent, Command, "terminate-enclave", "--enclave-id", (string)started["EnclaveID"]!);
        var random = new Random(20261121);
        for (var count = 0; count < kills; count++)
        {
            await SucceedsAsync(parent, ["killed", $"{random.NextInt64(launch)}", .. s_run]);
            await NothingIsLeftAsync(parent);
            Assert.Equal("", await SucceedsAsync(parent, "list", "/run/nitro_enclaves"));
        }
    }

    static async Task NothingIsLeftAsync(ParentMachine parent)
    {
        Assert.Equal("[]", await DescribeAsync(parent));
        Assert.Equal(("2-5", "128"), (await ReadAsync(parent, Pool), await ReadAsync(parent, FreePages)));
        Assert.Empty(parent.Hypervisor.Slots);
    }

    // The command gives an enclave's process three seconds, as nitro-cli does: little for an emulated machine on a busy one.
    static async Task<string> DescribeAsync(ParentMachine parent)
    {
        const int NoAnswer = 39;
        ToolResult result;
        do
        {
            Cancellation.ThrowIfCancellationRequested();
            result = await parent.RunAsync(Command, "describe-enclaves");
        }
        while (result.ExitCode == NoAnswer);
        Assert.True(result.ExitCode == 0, $"{result}\n{parent.Log}");
        return result.Output.Trim();
    }

    static async Task<string> ReadAsync(ParentMachine parent, string path) => await SucceedsAsync(parent, "cat", path);

    static async Task<string> SucceedsAsync(ParentMachine parent, params string[] command)
    {
        var result = await parent.RunAsync(command);
        Assert.True(result.ExitCode == 0, $"{string.Join(' ', command)}: {result}\n{parent.Log}");
        return result.Output.Trim();
    }
}
