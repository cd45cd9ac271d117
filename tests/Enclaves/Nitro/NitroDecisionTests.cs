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
