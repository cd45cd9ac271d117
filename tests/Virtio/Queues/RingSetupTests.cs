namespace NitroEnclaves.Virtio.Tests;

public sealed class RingSetupTests : IDisposable, IVirtqueueNotifier
{
    const ulong End = GuestRam.LowBase + GuestRam.LowSize;

    readonly GuestRam _ram = new();
    readonly GuestMemory _memory;

    public RingSetupTests() => _memory = _ram.Map();

    public void Dispose()
    {
        _memory.Dispose();
        _ram.Dispose();
    }

    void IVirtqueueNotifier.NotifyUsed()
    {
    }

    void IVirtqueueNotifier.NotifyBroken()
    {
    }

    [Theory]
    [InlineData(0)]
    [InlineData(3)]
    [InlineData(100)]
    [InlineData(2048)]
    [InlineData(65536)]
    [InlineData(-1)]
    public void A_size_that_is_no_power_of_two_or_too_large_is_refused(int size)
    {
        var queue = new Virtqueue(0, 1024);
        Assert.Equal(VirtioFault.RingSize, Refusal(queue, new VirtqueueLayout(size, GuestRam.LowBase, GuestRam.LowBase + 0x8000, GuestRam.LowBase + 0x9000, RingAddressSpace.Guest)));
    }

    // A ring of 4: descriptors 64 bytes, available 4 + 8 (+ 2), used 4 + 32 (+ 2).
    public static TheoryData<string, ulong, ulong, ulong, ulong, VirtioFault> Places => new()
    {
        { "fits to the byte", 0, End - 64, GuestRam.LowBase, GuestRam.LowBase + 0x100, VirtioFault.None },
        { "available fits without its event", 0, GuestRam.LowBase, End - 12, GuestRam.LowBase + 0x100, VirtioFault.None },
        { "used fits without its event", 0, GuestRam.LowBase, GuestRam.LowBase + 0x100, End - 36, VirtioFault.None },
        { "available's event is outside", VirtioFeatures.EventIndex, GuestRam.LowBase, End - 12, GuestRam.LowBase + 0x100, VirtioFault.RingOutsideMemory },
        { "used's event is outside", VirtioFeatures.EventIndex, GuestRam.LowBase, GuestRam.LowBase + 0x100, End - 36, VirtioFault.RingOutsideMemory },
        { "descriptors are outside", 0, End - 48, GuestRam.LowBase, GuestRam.LowBase + 0x100, VirtioFault.RingOutsideMemory },
        { "descriptors wrap", 0, ulong.MaxValue - 47, GuestRam.LowBase, GuestRam.LowBase + 0x100, VirtioFault.RingOutsideMemory },
        { "available is outside", 0, GuestRam.LowBase, End - 10, GuestRam.LowBase + 0x100, VirtioFault.RingOutsideMemory },
        { "used is outside", 0, GuestRam.LowBase, GuestRam.LowBase + 0x100, End - 32, VirtioFault.RingOutsideMemory },
        { "used is nowhere", 0, GuestRam.LowBase, GuestRam.LowBase + 0x100, 0, VirtioFault.RingOutsideMemory },
        { "descriptors are not aligned", 0, GuestRam.LowBase + 8, GuestRam.LowBase + 0x100, GuestRam.LowBase + 0x200, VirtioFault.RingAlignment },
        { "available is not aligned", 0, GuestRam.LowBase, GuestRam.LowBase + 0x101, GuestRam.LowBase + 0x200, VirtioFault.RingAlignment },
        { "used is not aligned", 0, GuestRam.LowBase, GuestRam.LowBase + 0x100, GuestRam.LowBase + 0x202, VirtioFault.RingAlignment },
    };

    [Theory, MemberData(nameof(Places))]
    public void Each_part_lies_wholly_in_memory_and_aligned(string what, ulong features, ulong descriptors, ulong available, ulong used, VirtioFault fault)
    {
        foreach (var space in Enum.GetValues<RingAddressSpace>())
        {
            var place = (ulong address) => space == RingAddressSpace.Guest ? address : GuestRam.ToUser(address);
            var queue = new Virtqueue(0, 4);
            Assert.True(fault == Refusal(queue, new VirtqueueLayout(4, place(descriptors), place(available), place(used), space), features), $"{what}, {space}");
            Assert.Equal(fault == VirtioFault.None, queue.IsRunning);
        }
    }

    [Fact]
    public void A_running_queue_is_neither_started_nor_reset()
    {
        using var fixture = new QueueFixture();
        Assert.Throws<InvalidOperationException>(() => fixture.Queue.Start(fixture.Memory, fixture.Driver.Layout, 0, 0, fixture));
        Assert.Throws<InvalidOperationException>(fixture.Queue.Reset);
    }

    [Fact]
    public void A_ring_moves_to_another_table_and_breaks_where_it_is_not_in_it()
    {
        using var fixture = new QueueFixture();
        using (var same = fixture.Ram.Map())
        {
            fixture.Queue.Relocate(same);
            fixture.Memory.Dispose();
            fixture.Driver.Add(DriverBuffer.In(QueueFixture.Buffers, 3));
            Assert.True(fixture.Queue.TryPop(out var chain));
            Assert.Equal(3, chain.WritableLength);
            fixture.Queue.AddUsed(chain.Head, 0);
            using var smaller = GuestMemory.Map([fixture.Ram.Regions[1]]);
            fixture.Queue.Relocate(smaller);
        }

        Assert.Equal((VirtioFault.RingOutsideMemory, 1), (fixture.Queue.Fault, fixture.Breaks));
        Assert.False(fixture.Queue.TryPop(out _));
    }

    [Fact]
    public void A_broken_ring_works_again_once_it_is_set_up_anew()
    {
        using var fixture = new QueueFixture();
        fixture.Driver.AvailableIndex = 9;
        Assert.False(fixture.Queue.TryPop(out _));
        fixture.Queue.Stop();
        fixture.Queue.Reset();
        var driver = new DriverRing(fixture.Ram, 8);
        fixture.Queue.Start(fixture.Memory, driver.Layout, 0, 0, fixture);
        driver.Add(DriverBuffer.In(QueueFixture.Buffers, 3));
        Assert.True(fixture.Queue.TryPop(out _));
        Assert.Equal(VirtioFault.None, fixture.Queue.Fault);
    }

    VirtioFault Refusal(Virtqueue queue, VirtqueueLayout layout, ulong features = 0)
    {
        try
        {
            queue.Start(_memory, layout, features, 0, this);
            return VirtioFault.None;
        }
        catch (VirtioException exception)
        {
            return exception.Fault;
        }
    }
}
