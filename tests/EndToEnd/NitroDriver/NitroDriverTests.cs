using System.Text.Json.Nodes;

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
    const int ServicePort = 5000;

    // Orders of Guests/vsock.c: what it hashes is nothing, and its end.
    const string Sink = "73000000000000000000000000000000";
    const string Quit = "71000000000000000000000000000000";
    const string HashOfNothing = "0000000000000000" + "25232284e49cf2cb";

    static readonly string[] s_run = [Command, "run-enclave", "--eif-path", "/image.eif", "--cpu-count", "2", "--memory", "128", "--debug-mode"];

    static CancellationToken Cancellation => TestContext.Current.CancellationToken;

    [Fact(Timeout = 900_000)]
    public async Task Enclaves_run_behind_the_real_driver()
    {
        await Checkout.PrepareAsync();
        var image = await GuestImage.FromProgramAsync("vsock");
        await Tool.RunAsync(Checkout.In("eng", "single-file"), []);
        var configuration = Path.Combine(Checkout.Scratch, "allocator.yaml");
        await File.WriteAllTextAsync(configuration, "---\nmemory_mib: 256\ncpu_count: 4\n", Cancellation);
        await using var parent = await ParentMachine.BootAsync(
            ("bin/nitro", Checkout.In("artifacts", "single-file", "nitro")),
            ("image.eif", image.Path),
            ("etc/nitro_enclaves/allocator.yaml", configuration));

        // Twice: the second time there is a pool to give back.
        await SucceedsAsync(parent, Command, "allocate");
        await SucceedsAsync(parent, Command, "allocate");
        Assert.Equal(("2-5", "128"), (await ReadAsync(parent, Pool), await ReadAsync(parent, FreePages)));

        await RunsOneAsync(parent, image);
        await RunsTwoAtTheSameTimeAsync(parent);
        Assert.Equal(("2-5", "128"), (await ReadAsync(parent, Pool), await ReadAsync(parent, FreePages)));
        Assert.Empty(parent.Hypervisor.Slots);
    }

    static async Task RunsOneAsync(ParentMachine parent, GuestImage image)
    {
        var started = JsonNode.Parse(await SucceedsAsync(parent, s_run))!;
        var slot = Assert.Single(parent.Hypervisor.Slots);
        Assert.Equal((slot.Cid, 128ul, 2), ((uint)started["EnclaveCID"]!, (ulong)started["MemoryMiB"]!, (int)started["NumberOfCPUs"]!));
        Assert.EndsWith($"-enc{slot.Number:x16}", (string)started["EnclaveID"]!, StringComparison.Ordinal);
        Assert.Equal(slot.Vcpus.Order(), started["CPUIDs"]!.AsArray().Select(cpu => (uint)cpu!));
        Assert.Equal((128ul << 20, true), (slot.MemorySize, slot.IsDebug));

        var described = JsonNode.Parse(await SucceedsAsync(parent, Command, "describe-enclaves"))!.AsArray();
        Assert.Equal("RUNNING", (string?)Assert.Single(described)!["State"]);
        Assert.Equal(image.Measurements.Pcr0.ToString(), (string?)described[0]!["Measurements"]!["PCR0"]);

        Assert.Equal(HashOfNothing, await SucceedsAsync(parent, "ask", $"{slot.Cid}", $"{ServicePort}", Sink));
        var console = await SucceedsAsync(parent, Command, "console", "--enclave-id", (string)started["EnclaveID"]!, "--disconnect-timeout", "5");
        Assert.Contains("Linux version", console, StringComparison.Ordinal);

        // While an enclave runs, the pool stays as it is.
        var refused = await parent.RunAsync(Command, "allocate");
        Assert.NotEqual(0, refused.ExitCode);
        Assert.Contains("End all enclaves", refused.Error, StringComparison.Ordinal);

        await SucceedsAsync(parent, Command, "terminate-enclave", "--enclave-id", (string)started["EnclaveID"]!);
        Assert.Equal("[]", await SucceedsAsync(parent, Command, "describe-enclaves"));
        Assert.Empty(parent.Hypervisor.Slots);
    }

    // Their heartbeats come to the one port 9000; and these end by themselves, which the driver says by a hang-up.
    static async Task RunsTwoAtTheSameTimeAsync(ParentMachine parent)
    {
        await SucceedsAsync(parent, ["twice", .. s_run]);
        var running = JsonNode.Parse(await SucceedsAsync(parent, Command, "describe-enclaves"))!.AsArray();
        Assert.Equal(["RUNNING", "RUNNING"], running.Select(enclave => (string?)enclave!["State"]));
        foreach (var enclave in running)
        {
            await SucceedsAsync(parent, "ask", enclave!["EnclaveCID"]!.ToString(), $"{ServicePort}", Quit);
        }

        string left;
        while ((left = await SucceedsAsync(parent, Command, "describe-enclaves")) != "[]")
        {
            Cancellation.ThrowIfCancellationRequested();
            await Task.Delay(200, Cancellation);
        }
    }

    static async Task<string> ReadAsync(ParentMachine parent, string path) => await SucceedsAsync(parent, "cat", path);

    static async Task<string> SucceedsAsync(ParentMachine parent, params string[] command)
    {
        var result = await parent.RunAsync(command);
        Assert.True(result.ExitCode == 0, $"{string.Join(' ', command)}: {result}\n{parent.Log}");
        return result.Output.Trim();
    }
}
