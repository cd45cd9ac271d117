using System.Buffers.Binary;

namespace NitroEnclaves.Virtio.Benchmarks;

/// <summary>A queue over shared memory, and the little that a driver does to keep it busy.</summary>
sealed class BenchmarkRing : IVirtqueueNotifier, IDisposable
{
    public const int Size = 256;
    public const ulong Buffers = 0x10_0000;

    const ulong Descriptors = 0;
    const ulong Available = 0x1000;
    const ulong Used = 0x2000;
    const ulong MemorySize = 0x20_0000;

    readonly GuestMemory _memory;
    ushort _available;

    public BenchmarkRing(ulong features)
    {
        var path = Path.Combine("/dev/shm", Path.GetRandomFileName());
        using (var file = File.OpenHandle(path, FileMode.CreateNew, FileAccess.ReadWrite, options: FileOptions.DeleteOnClose))
        {
            RandomAccess.SetLength(file, (long)MemorySize);
            _memory = GuestMemory.Map([new GuestMemoryRegion(0, MemorySize, 0, 0, file)]);
        }

        Queue = new Virtqueue(0, Size);
        Queue.Start(_memory, new VirtqueueLayout(Size, Descriptors, Available, Used, RingAddressSpace.Guest), features, 0, this);
    }

    public Virtqueue Queue { get; }

    public void SetDescriptor(int index, ulong address, uint length, ushort flags, ushort next)
    {
        var entry = Bytes(Descriptors + (ulong)index * 16, 16);
        BinaryPrimitives.WriteUInt64LittleEndian(entry, address);
        BinaryPrimitives.WriteUInt32LittleEndian(entry[8..], length);
        BinaryPrimitives.WriteUInt16LittleEndian(entry[12..], flags);
        BinaryPrimitives.WriteUInt16LittleEndian(entry[14..], next);
    }

    /// <summary>Makes chains available whose heads are 0, <paramref name="stride"/>, and so on.</summary>
    public void Offer(int count, int stride)
    {
        for (var i = 0; i < count; i++)
        {
            BinaryPrimitives.WriteUInt16LittleEndian(Bytes(Available + 4 + (ulong)((_available + i) % Size) * 2, 2), (ushort)(i * stride));
        }

        _available += (ushort)count;
        BinaryPrimitives.WriteUInt16LittleEndian(Bytes(Available + 2, 2), _available);
    }

    public void NotifyUsed()
    {
    }

    public void NotifyBroken() => throw new InvalidOperationException("The ring broke.");

    public void Dispose()
    {
        Queue.Stop();
        _memory.Dispose();
    }

    Span<byte> Bytes(ulong address, int length) =>
        _memory.TryGetSpan(address, length, out var span) ? span : throw new InvalidOperationException("Outside.");
}
