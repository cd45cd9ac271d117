namespace NitroEnclaves.Enclaves.Tests;

public sealed class EnclaveCpusTests
{
    [Theory]
    [InlineData(16, 1, new uint[] { 0, 1, 2, 3 }, new uint[] { 0 })]
    [InlineData(18, 3, new uint[] { 0, 1, 2, 3 }, new uint[] { 2, 3, 0 })]
    [InlineData(17, 4, new uint[] { 0, 1, 2, 3 }, new uint[] { 1, 2, 3, 0 })]
    // As in a container that has been given some of the machine's.
    [InlineData(17, 1, new uint[] { 4, 9 }, new uint[] { 9 })]
    [InlineData(uint.MaxValue - 1, 2, new uint[] { 4, 9 }, new uint[] { 4, 9 })]
    public void Enclaves_are_spread_over_the_processors_that_may_be_used(uint cid, int count, uint[] usable, uint[] expected) =>
        Assert.Equal(expected, EnclaveCpus.Choose(null, cid, count, usable));

    [Fact]
    public void Those_that_were_asked_for_are_taken() => Assert.Equal([9, 4], EnclaveCpus.Choose([9, 4], 16, 2, [0, 4, 9]));

    [Fact]
    public void One_that_is_not_there_is_refused_though_others_are()
    {
        var exception = Assert.Throws<EnclaveException>(() => EnclaveCpus.Choose([0, 7], 16, 2, [0, 1]));
        Assert.Equal(EnclaveFailure.NoSuchCpu, exception.Failure);
        Assert.StartsWith("CPU 7 cannot be used: ", exception.Message, StringComparison.Ordinal);
    }

    [Fact]
    public void More_than_there_are_is_refused()
    {
        var exception = Assert.Throws<EnclaveException>(() => EnclaveCpus.Choose(null, 16, 3, [0, 1]));
        Assert.Equal(EnclaveFailure.InsufficientCpus, exception.Failure);
        Assert.EndsWith("of which 2 may be used here; 3 were asked for.", exception.Message, StringComparison.Ordinal);
    }

    [Fact]
    public void This_machine_has_some() => Assert.InRange(CpuAffinity.Get().Count, 1, 8192);
}
