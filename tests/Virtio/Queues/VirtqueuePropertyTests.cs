using FsCheck;
using FsCheck.Fluent;
using static NitroEnclaves.Virtio.Tests.ChainOracle;

namespace NitroEnclaves.Virtio.Tests;

public sealed class VirtqueuePropertyTests
{
    const ulong Table = GuestRam.LowBase + 0x8000;
    const int TableEntries = 4;

    // Every chain that a ring of 4 can hold, as far as its shape goes: each entry continues nowhere, at 0..3 or outside the ring,
    // and is readable or writable.
    [Fact]
    public void Every_shape_of_chain_in_a_ring_of_four_is_judged_as_the_oracle_does()
    {
        const int Shapes = 12;
        using var fixture = new QueueFixture(size: 4);
        var ring = new Descriptor[4];
        var accepted = 0;
        for (var code = 0; code < Shapes * Shapes * Shapes * Shapes; code++)
        {
            for (int i = 0, rest = code; i < 4; i++, rest /= Shapes)
            {
                var shape = rest % Shapes;
                var next = shape / 2;
                ring[i] = new Descriptor(QueueFixture.Buffers + (ulong)i * 16, (uint)i + 1, (ushort)((next < 5 ? 1 : 0) | (shape % 2 * 2)), (ushort)next);
                fixture.Driver.SetDescriptor(i, ring[i].Address, ring[i].Length, ring[i].Flags, ring[i].Next);
            }

            accepted += Judge(fixture, ring, head: 0, table: []) ? 1 : 0;
        }

        Assert.InRange(accepted, 1000, Shapes * Shapes * Shapes * Shapes - 1000);
    }

    [Theory]
    [InlineData(4, 0UL)]
    [InlineData(8, 0UL)]
    [InlineData(4, VirtioFeatures.Ring)]
    [InlineData(8, VirtioFeatures.Ring)]
    public void Random_rings_are_judged_as_the_oracle_does(int size, ulong features)
    {
        ulong[] addresses = [QueueFixture.Buffers, QueueFixture.Buffers + 7, Table, Table + 16, GuestRam.HighBase + GuestRam.HighSize - 16, GuestRam.LowBase + GuestRam.LowSize - 1, 0, ulong.MaxValue - 15];
        var entry =
            from address in Gen.Frequency((6, Gen.Elements(addresses)), (1, Gen.Choose(0, int.MaxValue).Select(low => GuestRam.LowBase + (ulong)low)))
            from length in Gen.Frequency((6, Gen.Elements(0u, 1u, 16u, 32u, 64u, 4096u)), (1, Gen.Elements(17u, 80u, 0x7FFF_FFFFu, uint.MaxValue)))
            from flags in Gen.Frequency((4, Gen.Elements((ushort)0, (ushort)1, (ushort)2, (ushort)3)), (2, Gen.Elements((ushort)4, (ushort)6)), (1, Gen.Elements((ushort)5, (ushort)7, (ushort)0xFFFB)))
            from next in Gen.Choose(0, size)
            select new Descriptor(address, length, flags, (ushort)next);
        var rings =
            from ring in Gen.ArrayOf(entry, size)
            from table in Gen.ArrayOf(entry, TableEntries)
            from head in Gen.Choose(0, size - 1)
            select (ring, table, head);

        using var fixture = new QueueFixture(size, features);
        var (accepted, total) = (0, 0);
        Prop.ForAll(Arb.From(rings), each =>
        {
            total++;
            accepted += Judge(fixture, each.ring, each.head, each.table) ? 1 : 0;
        }).Check(Config.QuickThrowOnFailure.WithMaxTest(4000).WithReplay(42, 43));

        // The generator reaches both verdicts often.
        Assert.InRange(accepted, total / 20, total * 19 / 20);
    }

    [Theory]
    [InlineData(1, 0UL)]
    [InlineData(2, VirtioFeatures.EventIndex)]
    [InlineData(8, VirtioFeatures.Ring)]
    [InlineData(64, VirtioFeatures.Version1)]
    public void Random_turns_of_driver_and_device_lose_and_repeat_nothing(int size, ulong features)
    {
        using var fixture = new QueueFixture(size, features);
        var random = new Random(size);
        var pending = new Queue<(ushort Head, int Length)>();
        var taken = new List<(ushort Head, int Length)>();
        var used = new Dictionary<ushort, uint>();
        var heard = true;
        for (var step = 0; step < 200_000; step++)
        {
            switch (random.Next(7))
            {
                case 0 or 1 when fixture.Driver.FreeDescriptors > 0:
                    var length = random.Next(1, 1000);
                    pending.Enqueue((fixture.Driver.Add(DriverBuffer.In(QueueFixture.Buffers, length)), length));
                    break;
                case 2 when fixture.Queue.TryPop(out var chain):
                    Assert.Equal(pending.Peek(), (chain.Head, chain.WritableLength));
                    taken.Add(pending.Dequeue());
                    break;
                case 3 when taken.Count > 0:
                    var index = random.Next(taken.Count);
                    fixture.Queue.AddUsed(taken[index].Head, (uint)taken[index].Length);
                    used.Add(taken[index].Head, (uint)taken[index].Length);
                    taken.RemoveAt(index);
                    break;
                case 4 when fixture.Queue.Returnable > 0:
                    var count = random.Next(1, fixture.Queue.Returnable + 1);
                    fixture.Queue.PutBack(count);
                    pending = new Queue<(ushort, int)>(taken[^count..].Concat(pending));
                    taken.RemoveRange(taken.Count - count, count);
                    break;
                case 5:
                    heard |= fixture.Queue.Publish();
                    break;
                case 6 when heard:
                    // A driver that was not interrupted does not look.
                    while (fixture.Driver.TryGetUsed(out var id, out var written))
                    {
                        Assert.True(used.Remove((ushort)id, out var expected));
                        Assert.Equal(expected, written);
                    }

                    heard = (features & VirtioFeatures.EventIndex) == 0;
                    break;
                default:
                    if (random.Next(100) == 0)
                    {
                        var next = fixture.Queue.NextAvailable;
                        fixture.Queue.Stop();
                        fixture.Queue.Start(fixture.Memory, fixture.Driver.Layout, features, next, fixture);
                        heard = true;
                    }

                    break;
            }
        }

        foreach (var (head, written) in taken)
        {
            fixture.Queue.AddUsed(head, (uint)written);
            used.Add(head, (uint)written);
        }

        heard |= fixture.Queue.Publish();

        // No interrupt may have been lost: a driver that sleeps has nothing left to take.
        Assert.True(heard || used.Count == 0);
        while (fixture.Driver.TryGetUsed(out var id, out _))
        {
            Assert.True(used.Remove((ushort)id));
        }

        Assert.Empty(used);
        Assert.Equal((VirtioFault.None, 0), (fixture.Queue.Fault, fixture.Queue.RejectedChains));
    }

    static bool Judge(QueueFixture fixture, Descriptor[] ring, int head, Descriptor[] table)
    {
        for (var i = 0; i < ring.Length; i++)
        {
            fixture.Driver.SetDescriptor(i, ring[i].Address, ring[i].Length, ring[i].Flags, ring[i].Next);
        }

        for (var i = 0; i < table.Length; i++)
        {
            fixture.Ram.WriteDescriptor(Table + (ulong)i * 16, table[i].Address, table[i].Length, table[i].Flags, table[i].Next);
        }

        var expected = Walk(ring, head, (fixture.Features & VirtioFeatures.IndirectDescriptors) != 0, IsMemory, (address, length) => ReadTable(fixture.Ram, address, length));
        if (expected?.Sum(each => (long)each.Length) > int.MaxValue)
        {
            expected = null;
        }

        fixture.Driver.Offer((ushort)head);
        var rejected = fixture.Queue.RejectedChains;
        var isAccepted = fixture.Queue.TryPop(out var chain);
        Assert.Equal(expected is not null, isAccepted);
        Assert.Equal(isAccepted ? 0 : 1, fixture.Queue.RejectedChains - rejected);
        if (isAccepted)
        {
            Assert.Equal(head, chain.Head);
            Compare(fixture.Memory, chain.Readable, chain.ReadableLength, [.. expected!.Where(each => !each.Writable)]);
            Compare(fixture.Memory, chain.Writable, chain.WritableLength, [.. expected!.Where(each => each.Writable)]);
            fixture.Queue.AddUsed(chain.Head, 0);
        }

        fixture.Queue.Publish();
        Assert.True(fixture.Driver.TryGetUsed(out var id, out var used));
        Assert.Equal(((uint)head, 0u), (id, used));
        Assert.False(fixture.Driver.TryGetUsed(out _, out _));
        return isAccepted;
    }

    static unsafe void Compare(GuestMemory memory, ReadOnlySpan<GuestSegment> segments, int length, (ulong Address, uint Length, bool Writable)[] expected)
    {
        Assert.Equal(expected.Length, segments.Length);
        Assert.Equal(expected.Sum(each => each.Length), length);
        for (var i = 0; i < expected.Length; i++)
        {
            Assert.True(memory.TryTranslate(expected[i].Address, expected[i].Length, out var pointer));
            Assert.True(pointer == segments[i].Address);
            Assert.Equal((int)expected[i].Length, segments[i].Length);
        }
    }

    static bool IsMemory(ulong address, ulong length) =>
        (address >= GuestRam.LowBase && address - GuestRam.LowBase < GuestRam.LowSize && length <= GuestRam.LowSize - (address - GuestRam.LowBase))
        || (address >= GuestRam.HighBase && address - GuestRam.HighBase < GuestRam.HighSize && length <= GuestRam.HighSize - (address - GuestRam.HighBase));

    static Descriptor[] ReadTable(GuestRam ram, ulong address, uint length)
    {
        var table = new Descriptor[length / 16];
        for (var i = 0; i < table.Length; i++)
        {
            var entry = ram[address + (ulong)i * 16, 16];
            table[i] = new Descriptor(
                BitConverter.ToUInt64(entry), BitConverter.ToUInt32(entry[8..]), BitConverter.ToUInt16(entry[12..]), BitConverter.ToUInt16(entry[14..]));
        }

        return table;
    }
}
