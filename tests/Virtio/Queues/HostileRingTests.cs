namespace NitroEnclaves.Virtio.Tests;

/// <summary>What a guest can write into a ring to hurt its device. Named as in the matrix of vsock.md 4.1.</summary>
public sealed class HostileRingTests
{
    const ulong Good = QueueFixture.Buffers;
    const ulong Outside = GuestRam.HighBase + GuestRam.HighSize;
    const ulong Table = GuestRam.LowBase + 0x8000;
    const ushort Next = DriverRing.Next;
    const ushort Write = DriverRing.Write;
    const ushort Indirect = DriverRing.Indirect;

    sealed record Case(string Name, ChainFault Fault, (ulong Address, uint Length, int Flags, int Next)[] Chain, (ulong Address, uint Length, int Flags, int Next)[]? IndirectTable = null);

    static readonly Case[] Cases =
    [
        new("hdr_oob", ChainFault.OutsideMemory, [(Outside, 44, 0, 0)]),
        new("hdr_oob_low", ChainFault.OutsideMemory, [(0, 1, 0, 0)]),
        new("hdr_wrap", ChainFault.OutsideMemory, [(ulong.MaxValue - 20, 44, 0, 0)]),
        new("hdr_wrap_to_zero", ChainFault.OutsideMemory, [(ulong.MaxValue - 43, 44, 0, 0)]),
        new("hdr_cross", ChainFault.OutsideMemory, [(Outside - 20, 44, 0, 0)]),
        new("hdr_in_hole", ChainFault.OutsideMemory, [(GuestRam.LowBase + GuestRam.LowSize - 1, 2, 0, 0)]),
        new("data_oob", ChainFault.OutsideMemory, [(Good, 44, Next, 1), (Outside, 1, 0, 0)]),
        new("data_cross", ChainFault.OutsideMemory, [(Good, 44, Next, 1), (Outside - 1, 4096, 0, 0)]),
        new("rx_oob", ChainFault.OutsideMemory, [(Good, 4096, Write | Next, 1), (Outside, 4096, Write, 0)]),
        new("data_huge", ChainFault.TooLong, [(Good, uint.MaxValue, 0, 0)]),
        new("sum_huge", ChainFault.TooLong, [(Good, 0x10_0000, Next, 1), (Good, 0x7FF0_0000, Write, 0)]),
        new("loop_self", ChainFault.TooManyDescriptors, [(Good, 1, Next, 0)]),
        new("loop_2", ChainFault.TooManyDescriptors, [(Good, 1, Next, 1), (Good, 1, Next, 0)]),
        new("loop_empty", ChainFault.TooManyDescriptors, [(Good, 0, Next, 0)]),
        new("next_oob", ChainFault.NextOutOfRange, [(Good, 1, Next, 8)]),
        new("next_max", ChainFault.NextOutOfRange, [(Good, 1, Next, 65535)]),
        new("mixed", ChainFault.ReadableAfterWritable, [(Good, 1, Write | Next, 1), (Good, 1, 0, 0)]),
        new("indirect_oob", ChainFault.OutsideMemory, [(Outside, 16, Indirect, 0)]),
        new("indirect_cross", ChainFault.OutsideMemory, [(Outside - 16, 32, Indirect, 0)]),
        new("indirect_empty", ChainFault.IndirectLength, [(Table, 0, Indirect, 0)], []),
        new("indirect_odd", ChainFault.IndirectLength, [(Table, 17, Indirect, 0)], [(Good, 1, 0, 0)]),
        new("indirect_long", ChainFault.IndirectLength, [(Table, 9 * 16, Indirect, 0)], [(Good, 1, 0, 0)]),
        new("indirect_huge", ChainFault.IndirectLength, [(Table, 0xFFFF_FFF0, Indirect, 0)], [(Good, 1, 0, 0)]),
        new("indirect_next", ChainFault.IndirectWithNext, [(Table, 16, Indirect | Next, 1), (Good, 1, 0, 0)], [(Good, 1, 0, 0)]),
        new("indirect_nested", ChainFault.IndirectNested, [(Table, 16, Indirect, 0)], [(Table, 16, Indirect, 0)]),
        new("indirect_next_oob", ChainFault.NextOutOfRange, [(Table, 16, Indirect, 0)], [(Good, 1, Next, 1)]),
        new("indirect_loop", ChainFault.TooManyDescriptors, [(Table, 16, Indirect, 0)], [(Good, 1, Next, 0)]),
        new("indirect_after_direct", ChainFault.TooManyDescriptors, [(Good, 1, Next, 1), (Table, 128, Indirect, 0)],
            [.. Enumerable.Range(1, 8).Select(i => (Good, 1u, i == 8 ? 0 : (int)Next, i))]),
        new("indirect_mixed", ChainFault.ReadableAfterWritable, [(Good, 1, Write | Next, 1), (Table, 16, Indirect, 0)], [(Good, 1, 0, 0)]),
    ];

    public static TheoryData<string> Names => [.. Cases.Select(@case => @case.Name)];

    [Theory, MemberData(nameof(Names))]
    public void A_bad_chain_comes_back_empty_and_the_ring_goes_on(string name)
    {
        var @case = Cases.Single(each => each.Name == name);
        using var fixture = new QueueFixture(features: VirtioFeatures.IndirectDescriptors);
        fixture.Ram[Good, 0x1000].Fill(0x55);
        Put(fixture, @case);
        fixture.Driver.Offer(0);
        fixture.Driver.SetDescriptor(7, Good + 0x100, 3);
        fixture.Driver.Offer(7);

        Assert.True(fixture.Queue.TryPop(out var chain));
        Assert.Equal((7, 3, 0), (chain.Head, chain.ReadableLength, chain.WritableLength));
        Assert.Equal((@case.Fault, 1), (fixture.Queue.LastRejection, fixture.Queue.RejectedChains));
        fixture.Queue.AddUsed(chain.Head, 0);
        fixture.Queue.Publish();
        Assert.True(fixture.Driver.TryGetUsed(out var id, out var length));
        Assert.Equal((0u, 0u), (id, length));
        Assert.True(fixture.Driver.TryGetUsed(out id, out _));
        Assert.Equal(7u, id);
        Assert.Equal((VirtioFault.None, 0), (fixture.Queue.Fault, fixture.Breaks));
        Assert.DoesNotContain(fixture.Ram[Good, 0x1000].ToArray(), each => each != 0x55);
    }

    [Fact]
    public void An_indirect_table_that_was_not_negotiated_is_refused()
    {
        using var fixture = new QueueFixture(features: VirtioFeatures.Ring & ~VirtioFeatures.IndirectDescriptors);
        fixture.Driver.AddIndirect(Table, DriverBuffer.Out(Good, 1));
        Assert.False(fixture.Queue.TryPop(out _));
        Assert.Equal(ChainFault.IndirectNotNegotiated, fixture.Queue.LastRejection);
    }

    [Fact]
    public void An_indirect_table_may_follow_direct_buffers_and_ignores_the_write_flag()
    {
        using var fixture = new QueueFixture(features: VirtioFeatures.IndirectDescriptors);
        fixture.Driver.SetDescriptor(0, Good, 5, Next, 1);
        fixture.Driver.SetDescriptor(1, Table, 32, Indirect | Write);
        fixture.Ram.WriteDescriptor(Table, Good + 5, 6, Next, 1);
        fixture.Ram.WriteDescriptor(Table + 16, Good + 0x100, 7, Write, 0);
        fixture.Driver.Offer(0);
        Assert.True(fixture.Queue.TryPop(out var chain));
        Assert.Equal((2, 11, 1, 7), (chain.Readable.Length, chain.ReadableLength, chain.Writable.Length, chain.WritableLength));
    }

    [Fact]
    public void An_empty_chain_is_a_chain()
    {
        using var fixture = new QueueFixture();
        fixture.Driver.SetDescriptor(0, Outside, 0);
        fixture.Driver.Offer(0);
        Assert.True(fixture.Queue.TryPop(out var chain));
        Assert.Equal((0, 0, 0), (chain.Readable.Length, chain.ReadableLength, chain.WritableLength));
    }

    [Theory]
    [InlineData("avail_jump", 9)]
    [InlineData("avail_jump_back", 65535)]
    public void An_index_that_jumps_breaks_the_ring(string name, int index)
    {
        using var fixture = new QueueFixture(features: VirtioFeatures.EventIndex);
        fixture.Driver.AvailableIndex = (ushort)index;
        Assert.False(fixture.Queue.TryPop(out _), name);
        AssertBroken(fixture, VirtioFault.AvailableIndexJump);
    }

    [Fact]
    public void An_index_that_jumps_is_found_when_notifications_are_enabled()
    {
        using var fixture = new QueueFixture();
        fixture.Driver.AvailableIndex = 9;
        Assert.False(fixture.Queue.EnableNotifications());
        AssertBroken(fixture, VirtioFault.AvailableIndexJump);
    }

    [Theory]
    [InlineData(8)]
    [InlineData(65535)]
    public void A_head_outside_the_ring_breaks_it_after_what_came_before(ushort head)
    {
        using var fixture = new QueueFixture();
        fixture.Driver.SetDescriptor(0, Good, 1, Write);
        fixture.Driver.Offer(0);
        fixture.Driver.Offer(head);
        Assert.True(fixture.Queue.TryPop(out var chain));
        fixture.Queue.AddUsed(chain.Head, 1);
        Assert.False(fixture.Queue.TryPop(out _));
        Assert.Equal(1, fixture.Driver.UsedIndex);
        AssertBroken(fixture, VirtioFault.HeadOutOfRange);
    }

    [Fact]
    public void A_guest_that_adds_bad_chains_for_ever_gets_one_round_of_them_at_a_time()
    {
        using var fixture = new QueueFixture();
        fixture.Driver.SetDescriptor(0, Outside, 1);
        for (var i = 0; i < 8; i++)
        {
            fixture.Driver.Offer(0);
        }

        Assert.False(fixture.Queue.TryPop(out _));
        Assert.Equal(8, fixture.Queue.RejectedChains);
        for (var i = 0; i < 8; i++)
        {
            fixture.Driver.Offer(0);
        }

        Assert.True(fixture.Queue.EnableNotifications());
        Assert.False(fixture.Queue.TryPop(out _));
        Assert.Equal(16, fixture.Queue.RejectedChains);
    }

    [Fact]
    public void A_guest_that_changes_descriptors_meanwhile_never_gets_a_segment_outside()
    {
        using var fixture = new QueueFixture(features: VirtioFeatures.IndirectDescriptors);
        using var stop = new CancellationTokenSource();
        var guest = new Thread(() =>
        {
            var random = new Random(7);
            ulong[] addresses = [Good, Outside, Outside - 5, GuestRam.LowBase, ulong.MaxValue, Table, GuestRam.LowBase + GuestRam.LowSize - 3];
            uint[] lengths = [0, 1, 16, 128, 4096, 0x40_0000, uint.MaxValue];
            while (!stop.IsCancellationRequested)
            {
                fixture.Driver.SetDescriptor(random.Next(8), addresses[random.Next(addresses.Length)], lengths[random.Next(lengths.Length)], (ushort)random.Next(8), (ushort)random.Next(9));
            }
        });
        guest.Start();
        try
        {
            for (var round = 0; round < 30_000; round++)
            {
                fixture.Driver.Offer((ushort)(round % 8));
                if (fixture.Queue.TryPop(out var chain))
                {
                    AssertInside(chain.Readable, chain.ReadableLength);
                    AssertInside(chain.Writable, chain.WritableLength);
                    fixture.Queue.AddUsed(chain.Head, 0);
                }

                fixture.Queue.Publish();
            }
        }
        finally
        {
            stop.Cancel();
            guest.Join();
        }

        Assert.Equal(VirtioFault.None, fixture.Queue.Fault);
        void AssertInside(ReadOnlySpan<GuestSegment> segments, int length)
        {
            var sum = 0;
            foreach (var segment in segments)
            {
                Assert.True(IsInside(fixture.Memory, segment));
                sum += segment.Length;
            }

            Assert.Equal(length, sum);
        }
    }

    static void Put(QueueFixture fixture, Case @case)
    {
        for (var i = 0; i < @case.Chain.Length; i++)
        {
            var (address, length, flags, next) = @case.Chain[i];
            fixture.Driver.SetDescriptor(i, address, length, (ushort)flags, (ushort)next);
        }

        for (var i = 0; i < @case.IndirectTable?.Length; i++)
        {
            var (address, length, flags, next) = @case.IndirectTable[i];
            fixture.Ram.WriteDescriptor(Table + (ulong)i * 16, address, length, (ushort)flags, (ushort)next);
        }
    }

    static void AssertBroken(QueueFixture fixture, VirtioFault fault)
    {
        Assert.Equal((fault, 1, false), (fixture.Queue.Fault, fixture.Breaks, fixture.Queue.IsRunning));
        var used = fixture.Driver.UsedIndex;
        fixture.Driver.SetDescriptor(0, Good, 1);
        fixture.Driver.AvailableIndex = fixture.Queue.NextAvailable;
        fixture.Driver.Offer(0);
        Assert.False(fixture.Queue.TryPop(out _));
        Assert.False(fixture.Queue.EnableNotifications());
        Assert.False(fixture.Queue.Publish());
        Assert.Equal((used, 1), (fixture.Driver.UsedIndex, fixture.Breaks));
    }

    static unsafe bool IsInside(GuestMemory memory, GuestSegment segment)
    {
        foreach (var (start, size) in new[] { (GuestRam.LowBase, GuestRam.LowSize), (GuestRam.HighBase, GuestRam.HighSize) })
        {
            if (memory.TryTranslate(start, size, out var first) && segment.Address >= first && segment.Address + segment.Length <= first + size)
            {
                return true;
            }
        }

        return false;
    }
}
