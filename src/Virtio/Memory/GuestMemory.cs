namespace NitroEnclaves.Virtio;

/// <summary>
/// The guest's memory as it is mapped into this process. A table never changes: a transport that is told a new one maps it
/// whole, moves its queues over (<see cref="Virtqueue.Relocate"/>) and only then disposes the old one, so no address is ever
/// looked up in half a table. Lookups answer false for whatever is not memory; they never throw and never wrap.
/// </summary>
public sealed unsafe class GuestMemory : IDisposable
{
    // Unsafe because the memory belongs to no managed object. Every pointer that leaves this class has been checked against
    // the mapping it points into, and the mappings live until Dispose.

    /// <summary>Most regions of a table (VHOST_USER_MAX_RAM_SLOTS without configurable slots).</summary>
    public const int MaxRegions = 8;

    readonly Mapped[] _regions;
    Mapped _recent;

    GuestMemory(Mapped[] regions)
    {
        _regions = regions;
        _recent = regions[0];
    }

    /// <summary>Guest memory in all, in bytes.</summary>
    public ulong Size
    {
        get
        {
            ulong size = 0;
            foreach (var region in _regions)
            {
                size += region.Size;
            }

            return size;
        }
    }

    /// <summary>Maps a table. The files may be closed afterwards.</summary>
    /// <param name="regions">1 to <see cref="MaxRegions"/> regions in any order; several may share one file.</param>
    /// <exception cref="VirtioException">
    /// <see cref="VirtioFault.MemoryRegionCount"/>, <see cref="VirtioFault.MemoryRegionBounds"/>,
    /// <see cref="VirtioFault.MemoryRegionOverlap"/> or <see cref="VirtioFault.MemoryRegionNotMappable"/>; nothing stays mapped then.
    /// </exception>
    /// <remarks>
    /// Who holds a file can still shrink it and so kill this process (SIGBUS). That is the front end, which is trusted that far:
    /// it is our own QEMU, and it ends together with this process. The guest cannot.
    /// </remarks>
    public static GuestMemory Map(ReadOnlySpan<GuestMemoryRegion> regions)
    {
        if (regions.Length is 0 or > MaxRegions)
        {
            throw new VirtioException(VirtioFault.MemoryRegionCount,
                $"A memory table of {regions.Length} regions; 1 to {MaxRegions} are possible.");
        }

        for (var i = 0; i < regions.Length; i++)
        {
            CheckBounds(regions[i]);
            for (var j = 0; j < i; j++)
            {
                CheckOverlap(regions[i], regions[j]);
            }
        }

        var mapped = new Mapped[regions.Length];
        try
        {
            for (var i = 0; i < regions.Length; i++)
            {
                mapped[i] = new Mapped(regions[i]);
            }
        }
        catch
        {
            Unmap(mapped);
            throw;
        }

        return new GuestMemory(mapped);
    }

    /// <summary>Finds guest memory that lies wholly inside one region.</summary>
    /// <param name="address">Guest-physical address.</param>
    /// <param name="length">Bytes; 0 is never found.</param>
    /// <param name="pointer">The first byte in this process, or null.</param>
    public bool TryTranslate(ulong address, ulong length, out byte* pointer)
    {
        if (TryTranslate(address, out pointer, out var contiguous) && length - 1 < contiguous)
        {
            return true;
        }

        pointer = null;
        return false;
    }

    /// <summary>Finds how much memory follows a guest-physical address inside its region.</summary>
    /// <param name="address">Guest-physical address.</param>
    /// <param name="pointer">The byte in this process, or null.</param>
    /// <param name="contiguous">Bytes from there to the region's end, at least 1 when found.</param>
    public bool TryTranslate(ulong address, out byte* pointer, out ulong contiguous)
    {
        var region = _recent;
        var offset = address - region.GuestAddress;
        if (offset >= region.Size)
        {
            foreach (var other in _regions)
            {
                offset = address - other.GuestAddress;
                if (offset < other.Size)
                {
                    _recent = region = other;
                    goto Found;
                }
            }

            pointer = null;
            contiguous = 0;
            return false;
        }

    Found:
        pointer = region.Start + offset;
        contiguous = region.Size - offset;
        return true;
    }

    /// <summary>Finds memory by the front end's own addresses, in which vhost-user names the rings.</summary>
    /// <param name="address">Address in the front end's address space.</param>
    /// <param name="length">Bytes, wholly inside one region; 0 is never found.</param>
    /// <param name="pointer">The first byte in this process, or null.</param>
    public bool TryTranslateUser(ulong address, ulong length, out byte* pointer)
    {
        foreach (var region in _regions)
        {
            var offset = address - region.UserAddress;
            if (offset < region.Size && length - 1 < region.Size - offset)
            {
                pointer = region.Start + offset;
                return true;
            }
        }

        pointer = null;
        return false;
    }

    /// <summary>Finds guest memory as a span.</summary>
    /// <param name="address">Guest-physical address.</param>
    /// <param name="length">Bytes, above 0, wholly inside one region.</param>
    /// <param name="span">The bytes; valid until this table is disposed.</param>
    public bool TryGetSpan(ulong address, int length, out Span<byte> span)
    {
        if (length > 0 && TryTranslate(address, (ulong)length, out var pointer))
        {
            span = new Span<byte>(pointer, length);
            return true;
        }

        span = default;
        return false;
    }

    /// <summary>Unmaps everything; from then on every lookup answers false. No queue may run on the table any more.</summary>
    public void Dispose() => Unmap(_regions);

    static void CheckBounds(in GuestMemoryRegion region)
    {
        // File offsets are signed in mmap(2); a page more is left for rounding up.
        const ulong MaxFileOffset = long.MaxValue - (1UL << 31);
        if (region.Size == 0
            || region.GuestAddress > ulong.MaxValue - region.Size
            || region.UserAddress > ulong.MaxValue - region.Size
            || region.FileOffset > MaxFileOffset
            || region.Size > MaxFileOffset - region.FileOffset)
        {
            throw new VirtioException(VirtioFault.MemoryRegionBounds,
                $"A memory region of 0x{region.Size:x} bytes at guest 0x{region.GuestAddress:x}, "
                + $"user 0x{region.UserAddress:x}, offset 0x{region.FileOffset:x}.");
        }
    }

    static void CheckOverlap(in GuestMemoryRegion a, in GuestMemoryRegion b)
    {
        if (Overlaps(a.GuestAddress, a.Size, b.GuestAddress, b.Size) || Overlaps(a.UserAddress, a.Size, b.UserAddress, b.Size))
        {
            throw new VirtioException(VirtioFault.MemoryRegionOverlap,
                $"Memory regions at guest 0x{a.GuestAddress:x} and 0x{b.GuestAddress:x} overlap.");
        }
    }

    static bool Overlaps(ulong a, ulong aSize, ulong b, ulong bSize) => a < b + bSize && b < a + aSize;

    static void Unmap(Mapped[] regions)
    {
        foreach (var region in regions)
        {
            region?.Unmap();
        }
    }

    sealed class Mapped
    {
        internal readonly ulong GuestAddress;
        internal readonly ulong UserAddress;
        internal readonly byte* Start;
        readonly SafeMemoryMapping mapping;

        internal Mapped(in GuestMemoryRegion region)
        {
            (GuestAddress, UserAddress, Size) = (region.GuestAddress, region.UserAddress, region.Size);
            mapping = SafeMemoryMapping.Map(region.File, region.FileOffset, region.Size, out var start);
            Start = (byte*)start;
        }

        // 0 once unmapped: no address lies in the region any more.
        internal ulong Size { get; private set; }

        internal void Unmap()
        {
            Size = 0;
            mapping.Dispose();
        }
    }
}
