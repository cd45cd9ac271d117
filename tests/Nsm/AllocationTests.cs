namespace NitroEnclaves.Nsm.Tests;

/// <summary>GetRandom, DescribePCR and ExtendPCR allocate nothing, at either end.</summary>
public sealed class AllocationTests
{
    const int Rounds = 200;

    [Fact]
    public void GetRandom_allocates_nothing()
    {
        var client = Client();
        var random = new byte[600];
        Assert.Equal(0, AllocatedBy(() => client.GetRandom(random)));
        Assert.Contains(random, value => value != 0);
    }

    [Fact]
    public void DescribePcr_allocates_nothing()
    {
        var client = Client();
        var locked = 0;
        Assert.Equal(0, AllocatedBy(() => locked += client.DescribePcr(3).IsLocked ? 1 : 0));
        Assert.True(locked >= Rounds);
    }

    [Fact]
    public void ExtendPcr_allocates_nothing()
    {
        var client = Client();
        var data = new byte[1000];
        var last = PcrValue.Zero;
        Assert.Equal(0, AllocatedBy(() => last = client.ExtendPcr(16, data)));
        Assert.Equal(client.DescribePcr(16).Value, last);
    }

    [Fact]
    public void A_refusal_of_the_module_allocates_nothing()
    {
        var module = TestModule.Create();
        var request = NsmVectors.Request("DescribePCR index=32");
        var response = new byte[NsmLimits.MaxResponseLength];
        var length = 0;
        Assert.Equal(0, AllocatedBy(() => length = module.Exchange(request, response)));
        Assert.Equal(NsmVectors.Response("Error InvalidIndex"), response[..length]);
    }

    [Fact]
    public void The_gate_notices_a_single_allocation_in_all_rounds()
    {
        var round = 0;
        object? kept = null;
        Assert.NotEqual(0, AllocatedBy(() => kept = ++round % Rounds == 1 ? new object() : kept));
        Assert.NotNull(kept);
    }

    /// <summary>The bytes that this thread allocates in all rounds, once whatever is prepared lazily has been.</summary>
    static long AllocatedBy(Action action)
    {
        for (var i = 0; i < Rounds; i++)
        {
            action();
        }

        var before = GC.GetAllocatedBytesForCurrentThread();
        for (var i = 0; i < Rounds; i++)
        {
            action();
        }

        return GC.GetAllocatedBytesForCurrentThread() - before;
    }

    // The module's real source of randomness: it is part of the path.
    static NsmClient Client() => new(new NsmModule(new NsmModuleOptions { ModuleId = TestModule.ModuleId, Signer = new RecordingSigner() }));
}
