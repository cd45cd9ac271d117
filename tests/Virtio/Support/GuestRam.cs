using System.Buffers.Binary;

namespace NitroEnclaves.Virtio.Tests;

/// <summary>
/// The memory of a pretended guest as QEMU shares it: one memfd, two regions, and guest address, front-end address and file
/// offset all different, so that a mixed-up address never works by chance.
/// </summary>
sealed unsafe class GuestRam : IDisposable
{
    /// <summary>First region: rings.</summary>
    public const ulong LowBase = 0x4000_0000;
    public const ulong LowSize = 0x10_0000;

    /// <summary>Second region: buffers. There is a hole before it.</summary>
    public const ulong HighBase = 0x8000_0000;
    public const ulong HighSize = 0x200_0000;

    const ulong LowUser = 0x7f12_3400_0000;
    const ulong HighUser = 0x7f55_0000_0000;
    const ulong LowOffset = HighSize;
    const ulong HighOffset = 0;
    const ulong FileSize = HighSize + LowSize;

    readonly byte* _view;

    /// <param name="name">Shown in <c>/proc/self/maps</c>.</param>
    public GuestRam(string name = "guest")
    {
        File = new SafeDescriptor(Interop.Mman.memfd_create(name, Interop.Mman.MFD_CLOEXEC));
        Assert.Equal(0, Interop.Unistd.ftruncate(File, (long)FileSize));
        _view = (byte*)Interop.Mman.mmap(0, (nuint)FileSize, Interop.Mman.PROT_READ | Interop.Mman.PROT_WRITE, Interop.Mman.MAP_SHARED, File, 0);
        Assert.NotEqual(-1, (nint)_view);
    }

    public SafeDescriptor File { get; }

    public GuestMemoryRegion[] Regions =>
    [
        new(LowBase, LowSize, LowUser, LowOffset, File),
        new(HighBase, HighSize, HighUser, HighOffset, File),
    ];

    public GuestMemory Map() => GuestMemory.Map(Regions);

    /// <summary>The front end's address of a guest address.</summary>
    public static ulong ToUser(ulong guestAddress) =>
        guestAddress >= HighBase ? guestAddress - HighBase + HighUser : guestAddress - LowBase + LowUser;

    /// <summary>The guest's own view of its memory.</summary>
    public Span<byte> this[ulong guestAddress, int length] => new(Pointer(guestAddress), length);

    public byte* Pointer(ulong guestAddress) =>
        guestAddress >= HighBase ? _view + HighOffset + (guestAddress - HighBase) : _view + LowOffset + (guestAddress - LowBase);

    public ushort ReadU16(ulong guestAddress) => Volatile.Read(ref *(ushort*)Pointer(guestAddress));

    public uint ReadU32(ulong guestAddress) => Volatile.Read(ref *(uint*)Pointer(guestAddress));

    public void WriteU16(ulong guestAddress, ushort value) => Volatile.Write(ref *(ushort*)Pointer(guestAddress), value);

    public void WriteDescriptor(ulong guestAddress, ulong address, uint length, ushort flags, ushort next)
    {
        var entry = this[guestAddress, 16];
        BinaryPrimitives.WriteUInt64LittleEndian(entry, address);
        BinaryPrimitives.WriteUInt32LittleEndian(entry[8..], length);
        BinaryPrimitives.WriteUInt16LittleEndian(entry[12..], flags);
        BinaryPrimitives.WriteUInt16LittleEndian(entry[14..], next);
    }

    public void Dispose()
    {
        if (File.IsClosed)
        {
            // The address may belong to somebody else by now.
            return;
        }

        Interop.Mman.munmap((nint)_view, (nuint)FileSize);
        File.Dispose();
    }
}
