namespace NitroEnclaves.Virtio.Tests;

/// <summary>
/// What a chain is, said a second time and naively: the descriptors in order, or null where the chain is not acceptable. Memory
/// is one region here.
/// </summary>
static class ChainOracle
{
    public readonly record struct Descriptor(ulong Address, uint Length, ushort Flags, ushort Next);

    public static List<(ulong Address, uint Length, bool Writable)>? Walk(
        IReadOnlyList<Descriptor> ring, int head, bool indirect, Func<ulong, ulong, bool> isMemory, Func<ulong, uint, IReadOnlyList<Descriptor>> readTable)
    {
        var chain = new List<(ulong, uint, bool)>();
        if (!Collect(ring, head, chain, ring.Count, indirect, isInTable: false, readTable, isMemory))
        {
            return null;
        }

        var firstWritable = chain.FindIndex(each => each.Item3);
        return firstWritable >= 0 && chain.FindLastIndex(each => !each.Item3) > firstWritable ? null : chain.Where(each => each.Item2 > 0).ToList();
    }

    static bool Collect(
        IReadOnlyList<Descriptor> table, int index, List<(ulong, uint, bool)> chain, int limit, bool indirect, bool isInTable,
        Func<ulong, uint, IReadOnlyList<Descriptor>> readTable, Func<ulong, ulong, bool> isMemory)
    {
        if (index >= table.Count)
        {
            return false;
        }

        var (address, length, flags, next) = table[index];
        if ((flags & 4) != 0)
        {
            return indirect && !isInTable && (flags & 1) == 0 && length > 0 && length % 16 == 0 && length / 16 <= limit && isMemory(address, length)
                && Collect(readTable(address, length), 0, chain, limit, indirect, isInTable: true, readTable, isMemory);
        }

        if (chain.Count == limit || (length > 0 && !isMemory(address, length)))
        {
            return false;
        }

        chain.Add((address, length, (flags & 2) != 0));
        return (flags & 1) == 0 || Collect(table, next, chain, limit, indirect, isInTable, readTable, isMemory);
    }
}
