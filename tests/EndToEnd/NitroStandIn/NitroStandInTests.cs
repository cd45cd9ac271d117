using System.Diagnostics;
using System.Text.Json.Nodes;
using NitroEnclaves.Tests;

namespace NitroEnclaves.EndToEnd.Tests;

/// <summary>
/// The command, as it is built and with its own ioctls, against the stand-in for Linux's driver: huge pages are this machine's, enclaves are
/// booted from them, heartbeats come to port 9000.
/// </summary>
[Collection(HugePageAllowance.Tests)]
public sealed class NitroStandInTests
{
    // Fifty on request: NITRO_PARALLEL=50.
    const int Parallel = 6;

    // All twenty points of a launch on request: NITRO_KILLS=20.
    const int Kills = 3;

    static CancellationToken Cancellation => TestContext.Current.CancellationToken;

    [Fact(Timeout = 900_000)]
    public async Task Enclaves_are_started_described_read_asked_and_ended()
    {
        await using var stand = await InterceptedHost.CreateAsync(InterceptedHost.PagesOfEnclave, cores: 3);
        var image = await GuestImage.FromProgramAsync("vsock");

        var started = JsonNode.Parse(await stand.SucceedsAsync(InterceptedHost.Start(image, "--debug-mode")))!;
        var id = (string)started["EnclaveID"]!;
        var slot = Assert.Single(stand.Parent.Hypervisor.Slots);
        Assert.Equal(
            (slot.Cid, (ulong)InterceptedHost.MemoryMiB, 2),
            ((uint)started["EnclaveCID"]!, (ulong)started["MemoryMiB"]!, (int)started["NumberOfCPUs"]!));
        Assert.EndsWith($"-enc{slot.Number:x16}", id, StringComparison.Ordinal);
        Assert.Equal(0, HugePageAllowance.FreeNow);

        var described = JsonNode.Parse(await stand.SucceedsAsync("describe-enclaves"))!.AsArray();
        Assert.Equal("RUNNING", (string?)Assert.Single(described)!["State"]);
        Assert.Equal(image.Measurements.Pcr0.ToString(), (string?)described[0]!["Measurements"]!["PCR0"]);
        while (!(await stand.SucceedsAsync("console", "--enclave-id", id, "--disconnect-timeout", "1")).Contains("Linux version", StringComparison.Ordinal))
        {
            // A busy machine may need longer than a second to bring it here.
        }

        Assert.Equal(VsockOrder.HashOfNothing, await AskAsync(stand, VsockOrder.Sink));

        // There are no pages for another.
        Assert.Equal(27, (await stand.NitroAsync(InterceptedHost.Start(image))).ExitCode);
        await stand.SucceedsAsync("terminate-enclave", "--enclave-id", id);
        await stand.AssertNothingLeftAsync();

        // The second one ends by itself, which its descriptor shows by a hang-up.
        id = (string)JsonNode.Parse(await stand.SucceedsAsync(InterceptedHost.Start(image)))!["EnclaveID"]!;
        var waiting = stand.SucceedsAsync("wait-enclave", "--enclave-id", id);
        while (!await stand.Host.IsWaitedForAsync(id))
        {
            Assert.False(waiting.IsCompleted);
            await Task.Delay(20, Cancellation);
        }

        await AskAsync(stand, VsockOrder.Quit);
        Assert.Equal("Exited", (string?)JsonNode.Parse(await waiting)!["Kind"]);
        await stand.AssertNothingLeftAsync();
        Assert.Empty(stand.Parent.Faults);
    }

    [Fact(Timeout = 1_800_000)]
    public async Task Parallel_starts_and_ends_all_succeed()
    {
        var count = InterceptedHost.Wanted("NITRO_PARALLEL", Parallel);
        await using var stand = await InterceptedHost.CreateAsync(InterceptedHost.PagesOfEnclave * count, cores: count + 1);
        var image = await GuestImage.FromProgramAsync("vsock");

        var clock = Stopwatch.StartNew();
        var outputs = await Task.WhenAll(Enumerable.Range(0, count).Select(_ => stand.SucceedsAsync(InterceptedHost.Start(image))));
        var started = outputs.Select(output => JsonNode.Parse(output)!).ToArray();
        Console.WriteLine($"{count} enclaves started at the same time: the last one's heartbeat came after {clock.Elapsed.TotalSeconds:0.0} s.");
        Assert.Equal(count, started.Select(enclave => (uint)enclave["EnclaveCID"]!).Distinct().Count());
        Assert.Equal(2 * count, started.SelectMany(enclave => enclave["CPUIDs"]!.AsArray()).Select(cpu => (uint)cpu!).Distinct().Count());
        Assert.Equal(count, stand.Parent.Hypervisor.Slots.Count(slot => slot.State == NitroSlotState.Running));
        Assert.Empty(stand.Parent.Driver.FreeCpus);
        Assert.Equal(0, HugePageAllowance.FreeNow);

        clock.Restart();
        await Task.WhenAll(started.Select(enclave => stand.SucceedsAsync("terminate-enclave", "--enclave-id", (string)enclave["EnclaveID"]!)));
        Console.WriteLine($"They were ended at the same time: the last one after {clock.Elapsed.TotalSeconds:0.0} s.");
        await stand.AssertNothingLeftAsync();
        Assert.Empty(stand.Parent.Faults);
    }

    [Fact(Timeout = 1_800_000)]
    public async Task Nothing_is_left_of_a_launch_that_is_killed_at_any_point()
    {
        await using var stand = await InterceptedHost.CreateAsync(InterceptedHost.PagesOfEnclave, cores: 2);
        var image = await GuestImage.FromProgramAsync("vsock");
        var clock = Stopwatch.StartNew();
        var id = (string)JsonNode.Parse(await stand.SucceedsAsync(InterceptedHost.Start(image)))!["EnclaveID"]!;
        var launch = clock.ElapsedMilliseconds;
        await stand.SucceedsAsync("terminate-enclave", "--enclave-id", id);
        await stand.AssertNothingLeftAsync();

        var random = new Random(20261121);
        for (var count = InterceptedHost.Wanted("NITRO_KILLS", Kills); count > 0; count--)
        {
            using var program = stand.Parent.Start(stand.Host.Environment, [Checkout.BuiltCommand, .. InterceptedHost.Start(image)]);
            await Task.Delay((int)random.NextInt64(launch), Cancellation);
            while (stand.Host.Processes() is { Count: > 0 } processes)
            {
                foreach (var process in processes)
                {
                    process.Kill();
                }
            }

            await program.WaitAsync();
            // What lies in the registry is there until somebody looks.
            Assert.Equal("[]", await stand.SucceedsAsync("describe-enclaves"));
            await stand.AssertNothingLeftAsync();
        }
    }

    // The program in the enclave may not listen yet when its init has said that it is ready.
    static async Task<string> AskAsync(InterceptedHost stand, string order)
    {
        var ask = await GuestPrograms.CompileAsync("ask");
        while (true)
        {
            var asked = await stand.RunAsync(ask, $"{Assert.Single(stand.Parent.Hypervisor.Slots).Cid}", $"{VsockOrder.Port}", order);
            if (asked.ExitCode == 0)
            {
                return asked.Output;
            }

            await Task.Delay(50, Cancellation);
        }
    }
}
