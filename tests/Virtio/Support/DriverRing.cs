namespace NitroEnclaves.Virtio.Tests;

/// <summary>A buffer that a driver puts into a chain.</summary>
readonly record struct DriverBuffer(ulong Address, uint Length, bool DeviceWrites)
{
    public static DriverBuffer Out(ulong address, int length) => new(address, (uint)length, DeviceWrites: false);

    public static DriverBuffer In(ulong address, int length) => new(address, (uint)length, DeviceWrites: true);
}

/// <summary>
/// The driver's side of a split ring in a pretended guest, written from the specification and without the product's code. It
/// behaves, unless a test tells it not to: every field of the ring can be set by hand.
/// </summary>
sealed class DriverRing
{
    public const ushort Next = 1;
    public const ushort Write = 2;
    public const ushort Indirect = 4;

    readonly GuestRam _ram;
    readonly bool _eventIndex;
    readonly Queue<ushort> _free = new();
    readonly Dictionary<ushort, ushort[]> _taken = [];
    ushort _usedSeen;
    ushort _publishedIndex;

    public DriverRing(GuestRam ram, int size, ulong address = GuestRam.LowBase + 0x1000, bool eventIndex = false)
    {
        _ram = ram;
        _eventIndex = eventIndex;
        Size = size;
        Descriptors = address;
        Available = address + (ulong)size * 16;
        Used = (Available + 6 + (ulong)size * 2 + 4095) & ~4095UL;
        End = Used + 6 + (ulong)size * 8;
        _ram[address, (int)(End - address)].Clear();
        for (ushort i = 0; i < size; i++)
        {
            _free.Enqueue(i);
        }
    }

    public int Size { get; }

    public ulong Descriptors { get; }

    public ulong Available { get; }

    public ulong Used { get; }

    public ulong End { get; }

    public VirtqueueLayout Layout => new(Size, Descriptors, Available, Used, RingAddressSpace.Guest);

    public VirtqueueLayout UserLayout =>
        new(Size, GuestRam.ToUser(Descriptors), GuestRam.ToUser(Available), GuestRam.ToUser(Used), RingAddressSpace.User);

    public int FreeDescriptors => _free.Count;

    /// <summary>The index that was published last.</summary>
    public ushort AvailableIndex
    {
        get => _ram.ReadU16(Available + 2);
        set => _ram.WriteU16(Available + 2, _publishedIndex = value);
    }

    public ushort UsedIndex => _ram.ReadU16(Used + 2);

    /// <summary>Whether this driver asked, without the event index, not to be interrupted.</summary>
    public bool NoInterrupt
    {
        set => _ram.WriteU16(Available, value ? (ushort)1 : (ushort)0);
    }

    public ushort UsedFlags => _ram.ReadU16(Used);

    /// <summary>The used index at which the driver wants to be interrupted.</summary>
    public ushort UsedEvent
    {
        set => _ram.WriteU16(Available + 4 + (ulong)Size * 2, value);
    }

    /// <summary>The available index at which the device wants to be notified.</summary>
    public ushort AvailableEvent => _ram.ReadU16(Used + 4 + (ulong)Size * 8);

    public void SetDescriptor(int index, ulong address, uint length, ushort flags = 0, ushort next = 0) =>
        _ram.WriteDescriptor(Descriptors + (ulong)index * 16, address, length, flags, next);

    /// <summary>Names a head in the available ring without publishing it.</summary>
    public void SetAvailable(ushort index, ushort head) => _ram.WriteU16(Available + 4 + (ulong)(index % Size) * 2, head);

    /// <summary>Makes a chain by hand available.</summary>
    public void Offer(ushort head)
    {
        SetAvailable(_publishedIndex, head);
        AvailableIndex = (ushort)(_publishedIndex + 1);
    }

    /// <summary>Makes a chain of direct descriptors available and tells its head.</summary>
    public ushort Add(params ReadOnlySpan<DriverBuffer> buffers)
    {
        var entries = new ushort[buffers.Length];
        for (var i = 0; i < entries.Length; i++)
        {
            entries[i] = _free.Dequeue();
        }

        for (var i = 0; i < entries.Length; i++)
        {
            var last = i == entries.Length - 1;
            SetDescriptor(entries[i], buffers[i].Address, buffers[i].Length, Flags(buffers[i], last), last ? (ushort)0 : entries[i + 1]);
        }

        _taken[entries[0]] = entries;
        Offer(entries[0]);
        return entries[0];
    }

    /// <summary>Makes a chain available whose buffers stand in an indirect table at <paramref name="table"/>.</summary>
    public ushort AddIndirect(ulong table, params ReadOnlySpan<DriverBuffer> buffers)
    {
        for (var i = 0; i < buffers.Length; i++)
        {
            var last = i == buffers.Length - 1;
            _ram.WriteDescriptor(table + (ulong)i * 16, buffers[i].Address, buffers[i].Length, Flags(buffers[i], last), last ? (ushort)0 : (ushort)(i + 1));
        }

        var head = _free.Dequeue();
        SetDescriptor(head, table, (uint)buffers.Length * 16, Indirect);
        _taken[head] = [head];
        Offer(head);
        return head;
    }

    /// <summary>Takes the next used entry, if there is one, and its descriptors back.</summary>
    public bool TryGetUsed(out uint id, out uint length)
    {
        if (_usedSeen == UsedIndex)
        {
            id = length = 0;
            return false;
        }

        var entry = Used + 4 + (ulong)(_usedSeen % Size) * 8;
        id = _ram.ReadU32(entry);
        length = _ram.ReadU32(entry + 4);
        _usedSeen++;
        if (_eventIndex)
        {
            UsedEvent = _usedSeen;
        }

        if (_taken.Remove((ushort)id, out var entries))
        {
            foreach (var descriptor in entries)
            {
                _free.Enqueue(descriptor);
            }
        }

        return true;
    }

    /// <summary>Whether the device wants to hear of chains added since <paramref name="before"/>.</summary>
    public bool NeedsKick(ushort before)
    {
        if (!_eventIndex)
        {
            return (UsedFlags & 1) == 0;
        }

        Interlocked.MemoryBarrier();
        return (ushort)(AvailableIndex - AvailableEvent - 1) < (ushort)(AvailableIndex - before);
    }

    static ushort Flags(DriverBuffer buffer, bool last) => (ushort)((buffer.DeviceWrites ? Write : 0) | (last ? 0 : Next));
}
