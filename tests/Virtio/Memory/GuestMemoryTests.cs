namespace NitroEnclaves.Virtio.Tests;

public sealed unsafe class GuestMemoryTests : IDisposable
{
    const ulong Page = 0x1000;

    readonly GuestRam _ram = new();

    public void Dispose() => _ram.Dispose();

    [Fact]
    public void The_guests_bytes_are_found_by_either_address()
    {
        using var memory = _ram.Map();
        _ram[GuestRam.HighBase + 5, 1][0] = 77;
        Assert.True(memory.TryGetSpan(GuestRam.HighBase + 5, 1, out var span));
        Assert.Equal(77, span[0]);
        span[0] = 78;
        Assert.True(memory.TryTranslateUser(GuestRam.ToUser(GuestRam.HighBase + 5), 1, out var pointer));
        Assert.Equal(78, *pointer);
        Assert.Equal(78, _ram[GuestRam.HighBase + 5, 1][0]);
        Assert.Equal(GuestRam.LowSize + GuestRam.HighSize, memory.Size);
    }

    public static TheoryData<ulong, ulong> NotMemory => new()
    {
        { 0, 1 },
        { GuestRam.LowBase - 1, 1 },
        { GuestRam.LowBase - 1, 2 },
        { GuestRam.LowBase, 0 },
        { GuestRam.LowBase, GuestRam.LowSize + 1 },
        { GuestRam.LowBase + GuestRam.LowSize - 1, 2 },
        { GuestRam.LowBase + GuestRam.LowSize, 1 },
        { GuestRam.LowBase, ulong.MaxValue },
        { GuestRam.LowBase + 1, ulong.MaxValue },
        { GuestRam.HighBase, ulong.MaxValue - GuestRam.HighBase + 1 },
        { ulong.MaxValue, 1 },
        { ulong.MaxValue, 2 },
        { ulong.MaxValue - 15, 16 },
        { ulong.MaxValue - 15, ulong.MaxValue },
    };

    [Theory, MemberData(nameof(NotMemory))]
    public void What_is_not_memory_is_not_found(ulong address, ulong length)
    {
        using var memory = _ram.Map();

        // Whatever region was found last.
        foreach (var known in new[] { GuestRam.LowBase, GuestRam.HighBase })
        {
            Assert.True(memory.TryTranslate(known, 1, out _));
            Assert.False(memory.TryTranslate(address, length, out var pointer));
            Assert.True(pointer is null);
            Assert.False(memory.TryTranslateUser(GuestRam.ToUser(address), length, out pointer));
            Assert.True(pointer is null);
        }
    }

    [Fact]
    public void A_negative_or_empty_span_is_not_found()
    {
        using var memory = _ram.Map();
        Assert.False(memory.TryGetSpan(GuestRam.LowBase, 0, out _));
        Assert.False(memory.TryGetSpan(GuestRam.LowBase, -1, out _));
        Assert.False(memory.TryGetSpan(GuestRam.LowBase, int.MinValue, out _));
    }

    [Fact]
    public void A_region_may_begin_inside_a_page_of_its_file()
    {
        using var memory = GuestMemory.Map([new GuestMemoryRegion(Page, 100, Page, 0x1234, _ram.File)]);
        Assert.True(memory.TryGetSpan(Page, 100, out var span));
        span[0] = 99;
        Assert.Equal(99, _ram[GuestRam.HighBase + 0x1234, 1][0]);
        Assert.False(memory.TryGetSpan(Page, 101, out _));
    }

    [Fact]
    public void Nothing_is_found_any_more_in_a_disposed_table()
    {
        var memory = _ram.Map();
        memory.Dispose();
        memory.Dispose();
        Assert.False(memory.TryTranslate(GuestRam.LowBase, 1, out _));
        Assert.False(memory.TryTranslateUser(GuestRam.ToUser(GuestRam.LowBase), 1, out _));
    }

    public static TheoryData<string, VirtioFault, (ulong Guest, ulong Size, ulong User, ulong Offset)[]> BadTables => new()
    {
        { "no region", VirtioFault.MemoryRegionCount, [] },
        { "nine regions", VirtioFault.MemoryRegionCount, [.. Enumerable.Range(1, 9).Select(i => ((ulong)i * Page, Page, (ulong)i * Page, 0UL))] },
        { "empty", VirtioFault.MemoryRegionBounds, [(0, 0, 0, 0)] },
        { "guest address wraps", VirtioFault.MemoryRegionBounds, [(ulong.MaxValue - Page + 2, Page, 0, 0)] },
        { "user address wraps", VirtioFault.MemoryRegionBounds, [(0, Page, ulong.MaxValue - Page + 2, 0)] },
        { "offset wraps", VirtioFault.MemoryRegionBounds, [(0, Page, 0, ulong.MaxValue - Page + 2)] },
        { "offset is negative", VirtioFault.MemoryRegionBounds, [(0, Page, 0, long.MaxValue)] },
        { "everything", VirtioFault.MemoryRegionBounds, [(0, ulong.MaxValue, 0, 0)] },
        { "behind the file", VirtioFault.MemoryRegionBounds, [(0, Page, 0, GuestRam.LowSize + GuestRam.HighSize)] },
        { "over the file's end", VirtioFault.MemoryRegionBounds, [(0, Page + 1, 0, GuestRam.LowSize + GuestRam.HighSize - Page)] },
        { "same guest addresses", VirtioFault.MemoryRegionOverlap, [(0, Page, 0, 0), (0, Page, Page, Page)] },
        { "same user addresses", VirtioFault.MemoryRegionOverlap, [(0, Page, 0, 0), (Page, Page, 0, Page)] },
        { "one inside another", VirtioFault.MemoryRegionOverlap, [(0, 4 * Page, 0, 0), (Page, Page, 8 * Page, Page)] },
        { "one byte in common", VirtioFault.MemoryRegionOverlap, [(0, Page + 1, 0, 0), (Page, Page, 8 * Page, Page)] },
    };

    [Theory, MemberData(nameof(BadTables))]
    public void A_table_that_makes_no_sense_is_refused(string what, VirtioFault fault, (ulong Guest, ulong Size, ulong User, ulong Offset)[] regions)
    {
        var exception = Assert.Throws<VirtioException>(() =>
            GuestMemory.Map([.. regions.Select(region => new GuestMemoryRegion(region.Guest, region.Size, region.User, region.Offset, _ram.File))]));
        Assert.True(fault == exception.Fault, what);
    }

    [Fact]
    public void Only_regular_files_are_mapped()
    {
        using var signal = new EventSignal();
        var exception = Assert.Throws<VirtioException>(() => GuestMemory.Map([new GuestMemoryRegion(0, Page, 0, 0, signal.Descriptor)]));
        Assert.Equal(VirtioFault.MemoryRegionNotMappable, exception.Fault);
        using var zero = File.OpenHandle("/dev/zero", access: FileAccess.ReadWrite);
        exception = Assert.Throws<VirtioException>(() => GuestMemory.Map([new GuestMemoryRegion(0, Page, 0, 0, zero)]));
        Assert.Equal(VirtioFault.MemoryRegionNotMappable, exception.Fault);
    }
}
