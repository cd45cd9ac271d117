using FsCheck;
using FsCheck.Fluent;

namespace NitroEnclaves.Enclaves.Tests;

/// <summary>What the Nitro engine decides before it calls the driver, and how it words what the driver refuses.</summary>
public sealed class NitroDecisionTests
{
    const ulong MiB = 1 << 20;
    const ulong GiB = 1 << 30;

    [Theory]
    [InlineData(256, 1, 128, new ulong[] { 2 }, 128)]
    [InlineData(1024, 1, 512, new ulong[] { 1024 }, 1)]
    [InlineData(1536, 2, 256, new ulong[] { 1024, 2 }, 257)]
    [InlineData(256, 1, 100, new ulong[] { 1024 }, 1)]
    [InlineData(3, 0, 4, new ulong[] { 2 }, 2)]
    public void Pages_of_a_request(ulong mebibytes, ulong large, ulong small, ulong[] sizes, int count)
    {
        var plan = HugePagePlan.Choose(mebibytes * MiB, [new HugePages(2 * MiB, small), new HugePages(GiB, large)])!;
        Assert.Equal(sizes, plan.Distinct().Select(size => size / MiB));
        Assert.Equal(count, plan.Count);
    }

    // Graviton: kernels with pages of 4 KiB have huge pages of 2 MiB, 32 MiB and 1 GiB for the driver, those with 64 KiB have 2 MiB, 512 MiB and 16 GiB.
    [Theory]
    [InlineData(256, new ulong[] { 2, 200, 32, 64, 1024, 4 }, new ulong[] { 32, 8 })]
    [InlineData(2100, new ulong[] { 2, 200, 32, 64, 1024, 4 }, new ulong[] { 1024, 2, 32, 1, 2, 10 })]
    [InlineData(256, new ulong[] { 2, 512, 512, 8, 16384, 1 }, new ulong[] { 2, 128 })]
    [InlineData(256, new ulong[] { 2, 0, 512, 8, 16384, 1 }, new ulong[] { 512, 1 })]
    [InlineData(600, new ulong[] { 2, 0, 512, 8, 16384, 1 }, new ulong[] { 512, 2 })]
    [InlineData(17408, new ulong[] { 2, 0, 512, 8, 16384, 1 }, new ulong[] { 16384, 1, 512, 2 })]
    [InlineData(5120, new ulong[] { 2, 0, 512, 8, 16384, 1 }, new ulong[] { 16384, 1 })]
    public void Pages_of_a_request_on_Graviton(ulong mebibytes, ulong[] free, ulong[] expected)
    {
        var plan = HugePagePlan.Choose(mebibytes * MiB, [.. free.Chunk(2).Select(pages => new HugePages(pages[0] * MiB, pages[1]))])!;
        Assert.Equal(expected.Chunk(2).Select(pages => (pages[0], (int)pages[1])), plan.CountBy(size => size / MiB).Select(pages => (pages.Key, pages.Value)));
    }

    // What is on-line of machines of EC2: two threads of a core with numbers far apart or side by side, and Graviton with one.
    [Theory]
    [InlineData(2, 4, 1, new uint[] { 1, 5 })]
    [InlineData(2, 4, 4, null)]
    [InlineData(1, 8, 3, new uint[] { 3 })]
    public void Cores_of_CPUs_that_are_off_line_are_told_from_the_others(uint threads, uint stride, uint cpu, uint[]? siblings)
    {
        var kernel = Machine(threads, stride, 8);
        kernel.SetPool(threads == 1 ? [3, 4] : [1, 5, 2, 6]);
        var topology = CoreTopology.Read(kernel);
        Assert.Equal((int)threads, topology.ThreadsPerCore);
        Assert.Equal(siblings ?? [0, 4], topology.SiblingsOf(cpu)!);
    }

    [Fact]
    public void Cores_of_neighbours_are_told_and_an_unknown_numbering_is_not_guessed_at()
    {
        var neighbours = new ScriptedKernel(64, [[0, 1], [2, 3], [4, 5]]);
        neighbours.SetPool(2, 3, 4, 5);
        Assert.Equal([4, 5], CoreTopology.Read(neighbours).SiblingsOf(5)!);
        Assert.Null(CoreTopology.Read(new ScriptedKernel(64, [[0, 3], [1, 2], [4, 5]])).SiblingsOf(4));
        Assert.Null(CoreTopology.Read(new ScriptedKernel(64, [[0, 2], [1, 3], [4, 6], [5, 7]])).SiblingsOf(4));
    }

    [Theory]
    [InlineData(1u, null, EnclaveFailure.Driver, "a core of this machine has 2")]
    [InlineData(8u, null, EnclaveFailure.InsufficientCpus, "has 6")]
    [InlineData(null, new uint[] { 1, 5, 2 }, EnclaveFailure.Driver, "CPUs 2,6 share one")]
    [InlineData(null, new uint[] { 1, 2 }, EnclaveFailure.Driver, "CPUs 1,5 share one")]
    [InlineData(null, new uint[] { 0, 4 }, EnclaveFailure.NoSuchCpu, "CPU 0,4 is not in the pool")]
    [InlineData(2u, null, null, "")]
    [InlineData(null, new uint[] { 5, 1 }, null, "")]
    public void CPUs_are_whole_cores_of_the_pool(uint? count, uint[]? ids, EnclaveFailure? failure, string message)
    {
        var kernel = Machine(2, 4, 8);
        kernel.SetPool(1, 2, 3, 5, 6, 7);
        var refused = Record.Exception(() => NitroCpuPool.Read(kernel).Choose(Samples.Options with { CpuCount = count, CpuIds = ids }));
        Assert.Equal(failure, (refused as EnclaveException)?.Failure);
        Assert.Contains(message, refused?.Message ?? "", StringComparison.Ordinal);
    }

    // One thread a core: any number of CPUs is whole cores.
    [Fact]
    public void On_Graviton_a_single_CPU_is_a_core()
    {
        var kernel = Machine(1, 8, 8);
        kernel.SetPool(1, 2, 3);
        Assert.Equal([0u, 0, 0], NitroCpuPool.Read(kernel).Choose(Samples.Options with { CpuCount = 3 }));
        Assert.Equal([2u], NitroCpuPool.Read(kernel).Choose(Samples.Options with { CpuCount = null, CpuIds = [2] }));
    }

    [Fact]
    public void A_pool_on_two_NUMA_nodes_is_refused()
    {
        var kernel = new ScriptedKernel(64, ScriptedKernel.Cores(0, 2, 4), ScriptedKernel.Cores(2, 2, 4));
        kernel.SetPool(1, 5, 2, 6);
        var refused = Assert.Throws<EnclaveException>(() => NitroCpuPool.Read(kernel));
        Assert.Equal((EnclaveFailure.CpuPool, 29), (refused.Failure, refused.NitroCliCode));
    }

    static ScriptedKernel Machine(uint threads, uint stride, uint cpus) =>
        new(64, threads == 2 ? ScriptedKernel.Cores(0, stride, stride) : [.. Enumerable.Range(0, (int)cpus).Select(cpu => new[] { (uint)cpu })]);

    [Fact]
    public void What_is_not_there_cannot_be_planned() =>
        Assert.Null(HugePagePlan.Choose(3 * GiB, [new HugePages(GiB, 2), new HugePages(2 * MiB, 511)]));

    [Fact]
    public void A_plan_suffices_takes_what_is_free_and_no_page_too_many() =>
        Prop.ForAll<ushort, byte, ushort>((request, large, small) =>
        {
            HugePages[] free = [new(16 * GiB, large % 3u), new(GiB, large), new(32 * MiB, large % 7u), new(2 * MiB, small)];
            var bytes = (request + 1UL) * MiB;
            var plan = HugePagePlan.Choose(bytes, free);
            var available = free.Aggregate(0UL, (sum, pages) => sum + pages.Size * pages.Count);
            if (plan is null)
            {
                return available < bytes;
            }

            var total = plan.Aggregate(0UL, (sum, size) => sum + size);
            return total >= bytes && plan.All(size => total - size < bytes) && plan.SequenceEqual(plan.OrderDescending()) &&
                free.All(pages => plan.Count(size => size == pages.Size) <= (int)pages.Count);
        }).QuickCheckThrowOnFailure();

    [Fact]
    public void Every_refusal_of_the_driver_is_a_sentence_of_its_own_with_what_to_do_next()
    {
        Assert.Equal(275, NitroDriverError.Last);
        var messages = Enumerable.Range(NitroDriverError.First, NitroDriverError.Last - NitroDriverError.First + 1)
            .Select(error => NitroDriverError.Exception("do it", error)).ToArray();
        Assert.Equal(messages.Length, messages.Select(exception => exception.Message.Split("(error")[0]).Distinct().Count());
        Assert.All(messages, exception => Assert.Matches(@"^The enclave driver refuses to do it: .+ \(error \d+\)\. [A-Z].+\.$", exception.Message));
        Assert.Contains("error 5)", NitroDriverError.Exception("do it", 5).Message, StringComparison.Ordinal);
        Assert.Contains("error 71)", NitroDriverError.Exception("do it", 71).Message, StringComparison.Ordinal);
    }

    [Fact]
    public void Without_the_device_the_engine_says_so()
    {
        var exception = Assert.Throws<EnclaveException>(() => new NitroDevice("/nowhere/nitro_enclaves").CreateEnclave());
        Assert.Equal((EnclaveFailure.FileOperation, 19), (exception.Failure, exception.NitroCliCode));
        Assert.Contains("/nowhere/nitro_enclaves", exception.Message, StringComparison.Ordinal);
    }
}
