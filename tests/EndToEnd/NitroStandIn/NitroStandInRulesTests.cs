using NitroEnclaves.Tests;

namespace NitroEnclaves.EndToEnd.Tests;

/// <summary>What the stand-in for Linux's driver answers to ioctls. That it is what the driver answers, <see cref="NitroDriverTests"/> compares.</summary>
[Collection(HugePageAllowance.Tests)]
public sealed class NitroStandInRulesTests
{
    const int PagesOfRules = 128;
    const int PagesOfCalls = 64;

    static CancellationToken Cancellation => TestContext.Current.CancellationToken;

    [Fact(Timeout = 900_000)]
    public async Task Every_refusal_of_the_driver_is_provoked_by_its_ioctl()
    {
        var provoked = new HashSet<NitroRule>();
        await using (var stand = await InterceptedHost.CreateAsync(PagesOfRules, cores: 3))
        {
            await ProvokeAsync(stand, provoked);
            await stand.AssertNothingLeftAsync();
        }

        // The pool's CPUs are far from the memory of this machine.
        await using (var stand = await InterceptedHost.CreateAsync(1, () => new InterceptedParent(new ParentTopology(3, Node: 1))))
        {
            await ProvokeAsync(stand, provoked, "node", "0");
        }

        // Huge pages as some kernels for ARM have them.
        await using (var stand = await InterceptedHost.CreateAsync(1, () => new InterceptedParent(new ParentTopology(3), page => page with { Size = 64 << 10 })))
        {
            await ProvokeAsync(stand, provoked, "page");
        }

        await using (var stand = await InterceptedHost.CreateAsync(1, cores: 3))
        {
            var path = Path.Combine(stand.Host.TemporaryPath, "go");
            var running = ProvokeAsync(stand, provoked, "core", path);
            while (stand.Parent.Hypervisor.Slots.Count == 0)
            {
                await Task.Delay(5, Cancellation);
            }

            // A pool that grows under an enclave, and has only the new core.
            stand.Parent.Driver.SetPool(new ParentTopology(4).Pool with { Cpus = [6, 7] });
            await File.WriteAllTextAsync(path, "", Cancellation);
            await running;
        }

        DriverRules.AssertProvoked(provoked);
    }

    [Fact(Timeout = 900_000)]
    public async Task Calls_in_any_order_are_answered_alike_each_time_and_leave_nothing()
    {
        await using var stand = await InterceptedHost.CreateAsync(PagesOfCalls, cores: 3);
        var program = await GuestPrograms.CompileAsync("driver-random");
        var outputs = new HashSet<string>();
        for (var run = 0; run < 2; run++)
        {
            var result = await stand.RunAsync(program, "20261123", "5000");
            Assert.True(result is { ExitCode: 0, Error: "" }, $"{result}");
            await stand.AssertNothingLeftAsync();
            outputs.Add(result.Output);
        }

        var lines = Assert.Single(outputs).Split('\n');
        Assert.Contains(lines, line => line.StartsWith("start", StringComparison.Ordinal) && line.EndsWith(": 0", StringComparison.Ordinal));
        Assert.Contains(NitroRule.FullCoresNotUsed, stand.Parent.Driver.Refusals);
    }

    static async Task ProvokeAsync(InterceptedHost stand, HashSet<NitroRule> provoked, params string[] arguments)
    {
        var result = await stand.RunAsync([await GuestPrograms.CompileAsync("driver-rules"), .. arguments]);
        Assert.True(result is { ExitCode: 0, Error: "" }, $"{result}\n{stand.Parent.Faults}");
        var rules = DriverRules.Read(result.Output);
        // Each refusal of the stand-in has named the rule that it mirrors.
        Assert.Equal(rules.Select(rule => rule.Name).Order(), stand.Parent.Driver.Refusals.Select(rule => rule.Name).Order());
        provoked.UnionWith(rules);
    }
}
