using System.Runtime.CompilerServices;
using NitroEnclaves.Virtio.Tests;

namespace NitroEnclaves.Vsock.Benchmarks;

/// <summary>
/// A guest driver's side of one ring, at the speed of a kernel's: buffers stay where they are, descriptors are written once, nothing is
/// allocated, and the other side is notified and asked to notify as the event index has it.
/// </summary>
sealed unsafe class DriverQueue
{
    readonly GuestRam _ram;
    readonly byte* _descriptors;
    readonly byte* _available;
    readonly byte* _used;
    readonly Action _kick;
    ushort _next;
    ushort _published;
    ushort _usedSeen;

    /// <param name="ram">The guest's memory.</param>
    /// <param name="ring">Where the ring lies.</param>
    /// <param name="kick">Notifies the device.</param>
    internal DriverQueue(GuestRam ram, DriverRing ring, Action kick)
    {
        _ram = ram;
        _kick = kick;
        Size = ring.Size;
        _descriptors = ram.Pointer(ring.Descriptors);
        _available = ram.Pointer(ring.Available);
        _used = ram.Pointer(ring.Used);
    }

    internal int Size { get; }

    /// <summary>Used entries that were not taken yet.</summary>
    internal bool HasUsed => Volatile.Read(ref *(ushort*)(_used + 2)) != _usedSeen;

    /// <summary>Writes a descriptor.</summary>
    internal void Describe(int index, ulong address, int length, ushort flags = 0, int next = 0) =>
        _ram.WriteDescriptor((ulong)(_descriptors - _ram.Pointer(GuestRam.LowBase)) + GuestRam.LowBase + (ulong)index * 16, address, (uint)length, flags, (ushort)next);

    /// <summary>Changes a descriptor's length.</summary>
    internal void SetLength(int index, int length) => Unsafe.WriteUnaligned(_descriptors + index * 16 + 8, length);

    /// <summary>Makes a chain available; the device sees it after <see cref="Publish"/>.</summary>
    internal void Add(ushort head) => *(ushort*)(_available + 4 + (_next++ & (Size - 1)) * 2) = head;

    /// <summary>Shows the device what was added, and notifies it where it wants that.</summary>
    internal void Publish()
    {
        if (_next == _published)
        {
            return;
        }

        Volatile.Write(ref *(ushort*)(_available + 2), _next);
        Interlocked.MemoryBarrier();
        var before = _published;
        _published = _next;
        var wanted = Volatile.Read(ref *(ushort*)(_used + 4 + Size * 8));
        if ((ushort)(_next - wanted - 1) < (ushort)(_next - before))
        {
            _kick();
        }
    }

    /// <summary>Takes the next used entry, which <see cref="HasUsed"/> has shown.</summary>
    internal (int Head, int Length) TakeUsed()
    {
        var entry = (uint*)(_used + 4 + (_usedSeen++ & (Size - 1)) * 8);
        return ((int)entry[0], (int)entry[1]);
    }

    /// <summary>Asks for an interrupt after so many more used entries, and tells whether they are there already.</summary>
    internal bool Arm(int after = 1)
    {
        Volatile.Write(ref *(ushort*)(_available + 4 + Size * 2), (ushort)(_usedSeen + after - 1));
        Interlocked.MemoryBarrier();
        return (ushort)(Volatile.Read(ref *(ushort*)(_used + 2)) - _usedSeen) >= after;
    }
}
