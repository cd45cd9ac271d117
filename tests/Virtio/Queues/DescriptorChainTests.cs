namespace NitroEnclaves.Virtio.Tests;

public sealed class DescriptorChainTests
{
    // A chain of buffers of 3, 4 and 5 bytes each way, with empty ones between, holding 0..11 to read.
    static QueueFixture Fixture(out ushort head)
    {
        var fixture = new QueueFixture(size: 16);
        var bytes = Enumerable.Range(0, 12).Select(i => (byte)i).ToArray();
        bytes.AsSpan(0, 3).CopyTo(fixture.Ram[QueueFixture.Buffers, 3]);
        bytes.AsSpan(3, 4).CopyTo(fixture.Ram[QueueFixture.Buffers + 0x100, 4]);
        bytes.AsSpan(7, 5).CopyTo(fixture.Ram[QueueFixture.Buffers + 0x200, 5]);
        head = fixture.Driver.Add(
            DriverBuffer.Out(QueueFixture.Buffers, 3), DriverBuffer.Out(QueueFixture.Buffers, 0),
            DriverBuffer.Out(QueueFixture.Buffers + 0x100, 4), DriverBuffer.Out(QueueFixture.Buffers + 0x200, 5),
            DriverBuffer.In(QueueFixture.Buffers + 0x1000, 3), DriverBuffer.In(QueueFixture.Buffers + 0x1100, 4),
            DriverBuffer.In(QueueFixture.Buffers + 0x1000, 0), DriverBuffer.In(QueueFixture.Buffers + 0x1200, 5));
        return fixture;
    }

    [Fact]
    public void Empty_buffers_are_no_segments()
    {
        using var fixture = Fixture(out var head);
        Assert.True(fixture.Queue.TryPop(out var chain));
        Assert.Equal((head, 3, 12, 3, 12), (chain.Head, chain.Readable.Length, chain.ReadableLength, chain.Writable.Length, chain.WritableLength));
    }

    [Fact]
    public void Every_range_is_read_written_and_sliced_right()
    {
        using var fixture = Fixture(out _);
        Assert.True(fixture.Queue.TryPop(out var chain));
        var whole = Enumerable.Range(0, 12).Select(i => (byte)i).ToArray();
        var segments = new GuestSegment[8];
        for (var offset = 0; offset <= 13; offset++)
        {
            for (var length = 0; length <= 14; length++)
            {
                var expected = whole.Skip(offset).Take(length).ToArray();
                var read = new byte[length];
                Assert.Equal(expected.Length, chain.Read(offset, read));
                Assert.Equal(expected, read[..expected.Length]);

                var sliced = new List<byte>();
                foreach (var segment in segments.AsSpan(0, chain.SliceReadable(offset, length, segments)))
                {
                    Assert.NotEqual(0, segment.Length);
                    sliced.AddRange(segment.Span);
                }

                Assert.Equal(expected, sliced);

                Clear(chain);
                Assert.Equal(expected.Length, chain.Write(offset, Enumerable.Repeat((byte)0xEE, length).ToArray()));
                Assert.Equal(Enumerable.Range(0, 12).Select(i => (byte)(i >= offset && i < offset + length ? 0xEE : 0)), Written(chain));

                Clear(chain);
                foreach (var segment in segments.AsSpan(0, chain.SliceWritable(offset, length, segments)))
                {
                    segment.Span.Fill(0xEE);
                }

                Assert.Equal(Enumerable.Range(0, 12).Select(i => (byte)(i >= offset && i < offset + length ? 0xEE : 0)), Written(chain));
            }
        }
    }

    [Fact]
    public void A_slice_ends_where_the_list_is_full()
    {
        using var fixture = Fixture(out _);
        Assert.True(fixture.Queue.TryPop(out var chain));
        var segments = new GuestSegment[2];
        Assert.Equal(2, chain.SliceReadable(1, 100, segments));
        Assert.Equal((2, 4), (segments[0].Length, segments[1].Length));
        Assert.Equal(0, chain.SliceReadable(0, 100, []));
    }

    [Fact]
    public void A_segments_slice_lies_inside()
    {
        using var fixture = Fixture(out _);
        Assert.True(fixture.Queue.TryPop(out var chain));
        var segment = chain.Readable[0];
        Assert.Equal(2, segment.Slice(1, 2).Length);
        Assert.Throws<ArgumentOutOfRangeException>(() => segment.Slice(4, 0));
        Assert.Throws<ArgumentOutOfRangeException>(() => segment.Slice(1, 3));
        Assert.Throws<ArgumentOutOfRangeException>(() => segment.Slice(-1, 1));
        Assert.Throws<ArgumentOutOfRangeException>(() => segment.Slice(0, -1));
    }

    [Fact]
    public void A_buffer_over_a_border_of_regions_falls_into_segments()
    {
        // One run of guest addresses that lies in two pieces, the second one before the first in the file.
        const ulong Base = 0x9000_0000;
        using var fixture = new QueueFixture(size: 4);
        using var memory = GuestMemory.Map(
        [
            fixture.Ram.Regions[0],
            new GuestMemoryRegion(Base, 0x1000, 0x10_0000, 0x2000, fixture.Ram.File),
            new GuestMemoryRegion(Base + 0x1000, 0x1000, 0x20_0000, 0x1000, fixture.Ram.File),
        ]);
        fixture.Queue.Relocate(memory);
        "left"u8.CopyTo(fixture.Ram[GuestRam.HighBase + 0x2FFC, 4]);
        "right"u8.CopyTo(fixture.Ram[GuestRam.HighBase + 0x1000, 5]);
        fixture.Driver.Add(DriverBuffer.Out(Base + 0xFFC, 9));
        Assert.True(fixture.Queue.TryPop(out var chain));
        Assert.Equal((2, 9), (chain.Readable.Length, chain.ReadableLength));
        var text = new byte[9];
        chain.Read(0, text);
        Assert.Equal("leftright"u8, text);
        fixture.Queue.AddUsed(chain.Head, 0);

        fixture.Driver.Add(DriverBuffer.Out(Base + 0xFFC, 0x1005));
        Assert.False(fixture.Queue.TryPop(out _));
        Assert.Equal(ChainFault.OutsideMemory, fixture.Queue.LastRejection);
        fixture.Queue.Relocate(fixture.Memory);
    }

    [Fact]
    public void A_chain_that_falls_into_too_many_segments_is_refused()
    {
        // Eight regions of 16 bytes in a row: each buffer over all of them makes eight segments.
        using var fixture = new QueueFixture(size: 4);
        const ulong Base = 0x9000_0000;
        var tiny = Enumerable.Range(0, 7).Select(i => new GuestMemoryRegion(Base + (ulong)i * 16, 16, 0x10_0000 + (ulong)i * 16, (ulong)i * 16, fixture.Ram.File));
        using var memory = GuestMemory.Map([fixture.Ram.Regions[0], .. tiny]);
        fixture.Queue.Relocate(memory);
        fixture.Driver.Add(DriverBuffer.Out(Base, 7 * 16));
        fixture.Driver.Add(DriverBuffer.Out(Base, 7 * 16), DriverBuffer.Out(Base, 7 * 16));
        Assert.True(fixture.Queue.TryPop(out var chain));
        Assert.Equal(7, chain.Readable.Length);
        fixture.Queue.AddUsed(chain.Head, 0);
        Assert.False(fixture.Queue.TryPop(out _));
        Assert.Equal(ChainFault.TooManySegments, fixture.Queue.LastRejection);
        fixture.Queue.Relocate(fixture.Memory);
    }

    static void Clear(in DescriptorChain chain)
    {
        foreach (var segment in chain.Writable)
        {
            segment.Span.Clear();
        }
    }

    static byte[] Written(in DescriptorChain chain)
    {
        var bytes = new List<byte>();
        foreach (var segment in chain.Writable)
        {
            bytes.AddRange(segment.Span);
        }

        return [.. bytes];
    }
}
