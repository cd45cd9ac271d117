using System.Runtime.CompilerServices;

namespace NitroEnclaves.Virtio;

// What the driver made available: avail { le16 flags; le16 idx; le16 ring[n]; le16 used_event }.
public sealed unsafe partial class Virtqueue
{
    GuestSegment[] _segments = [];
    ushort _availableSeen;

    // Chains taken since the last one was given back: the newest of them can be put back in one go.
    int _returnable;

    /// <summary>
    /// Takes the next chain. Bad ones before it are given back with length 0, at most <see cref="Size"/> in one call, so that a
    /// guest that adds them for ever holds up nobody else.
    /// </summary>
    /// <param name="chain">The chain, until the next call.</param>
    /// <returns>False when there is none, the queue is stopped, or the ring has just been found broken.</returns>
    public bool TryPop(out DescriptorChain chain)
    {
        for (var rejected = 0; rejected < Size && TryTakeHead(out var head); rejected++)
        {
            _outstanding++;
            var fault = Walk(head, out var readable, out var readableLength, out var writable, out var writableLength);
            if (fault == ChainFault.None)
            {
                _returnable++;
                chain = new DescriptorChain(
                    head, _segments.AsSpan(0, readable), readableLength, _segments.AsSpan(readable, writable), writableLength);
                return true;
            }

            RejectedChains++;
            LastRejection = fault;
            AddUsed(head, 0);
        }

        chain = default;
        return false;
    }

    /// <summary>Undoes the last calls of <see cref="TryPop"/>, whose chains were not used: they come first again.</summary>
    /// <param name="count">Chains, 0 to <see cref="Returnable"/>.</param>
    /// <exception cref="InvalidOperationException">Fewer chains can be put back.</exception>
    public void PutBack(int count = 1)
    {
        if ((uint)count > (uint)_returnable)
        {
            throw new InvalidOperationException("So many chains were not taken just before.");
        }

        _returnable -= count;
        _outstanding -= count;
        NextAvailable -= (ushort)count;
    }

    /// <summary>
    /// How many chains can be put back: those taken since a chain was last given back, be it by the device or, being bad, by the queue.
    /// </summary>
    public int Returnable => _returnable;

    bool TryTakeHead(out ushort head)
    {
        head = 0;
        if (!IsRunning || (_availableSeen == NextAvailable && !LookForMore()))
        {
            return false;
        }

        head = Volatile.Read(ref *(ushort*)(_available + RingOffset + (NextAvailable & (Size - 1)) * sizeof(ushort)));
        if (head >= Size)
        {
            // Without a head there is no entry to give back, and the driver would wait for it for ever.
            Break(VirtioFault.HeadOutOfRange);
            return false;
        }

        NextAvailable++;
        return true;
    }

    // The acquiring read orders the reads of ring and descriptors behind that of the index that made them valid.
    bool LookForMore()
    {
        var index = Volatile.Read(ref *(ushort*)(_available + IndexOffset));
        if ((ushort)(index - NextAvailable) > Size)
        {
            Break(VirtioFault.AvailableIndexJump);
            return false;
        }

        _availableSeen = index;
        return index != NextAvailable;
    }

    ChainFault Walk(ushort head, out int readable, out int readableLength, out int writable, out int writableLength)
    {
        readable = writable = 0;
        readableLength = writableLength = 0;
        var table = _descriptors;
        var entries = (uint)Size;
        var isIndirect = false;
        var seenWritable = false;
        uint next = head;
        for (var remaining = Size; ;)
        {
            if (next >= entries)
            {
                return ChainFault.NextOutOfRange;
            }

            var descriptor = Unsafe.ReadUnaligned<VirtqueueDescriptor>(table + next * VirtqueueDescriptor.ByteSize);
            if ((descriptor.Flags & VirtqueueDescriptorFlags.Indirect) != 0)
            {
                // Carries no data itself and does not count against the chain's length.
                if (CheckIndirect(descriptor, isIndirect) is var fault and not ChainFault.None)
                {
                    return fault;
                }

                if (!_memory!.TryTranslate(descriptor.Address, descriptor.Length, out table))
                {
                    return ChainFault.OutsideMemory;
                }

                isIndirect = true;
                entries = descriptor.Length / VirtqueueDescriptor.ByteSize;
                next = 0;
                continue;
            }

            if (remaining-- == 0)
            {
                return ChainFault.TooManyDescriptors;
            }

            var isWritable = (descriptor.Flags & VirtqueueDescriptorFlags.Write) != 0;
            if (!isWritable && seenWritable)
            {
                return ChainFault.ReadableAfterWritable;
            }

            seenWritable = isWritable;

            if (descriptor.Length > int.MaxValue - readableLength - writableLength)
            {
                return ChainFault.TooLong;
            }

            var count = readable + writable;
            if (AddSegments(descriptor.Address, (int)descriptor.Length, ref count) is var outside and not ChainFault.None)
            {
                return outside;
            }

            if (isWritable)
            {
                writable = count - readable;
                writableLength += (int)descriptor.Length;
            }
            else
            {
                readable = count;
                readableLength += (int)descriptor.Length;
            }

            if ((descriptor.Flags & VirtqueueDescriptorFlags.Next) == 0)
            {
                return ChainFault.None;
            }

            next = descriptor.Next;
        }
    }

    ChainFault CheckIndirect(in VirtqueueDescriptor descriptor, bool isIndirect)
    {
        if (!_indirectDescriptors)
        {
            return ChainFault.IndirectNotNegotiated;
        }

        if (isIndirect)
        {
            return ChainFault.IndirectNested;
        }

        if ((descriptor.Flags & VirtqueueDescriptorFlags.Next) != 0)
        {
            return ChainFault.IndirectWithNext;
        }

        var entries = descriptor.Length / VirtqueueDescriptor.ByteSize;
        return descriptor.Length % VirtqueueDescriptor.ByteSize != 0 || entries == 0 || entries > (uint)Size
            ? ChainFault.IndirectLength
            : ChainFault.None;
    }

    // A buffer may go on from one region into the next where the guest sees no border.
    ChainFault AddSegments(ulong address, int length, ref int count)
    {
        if (address > ulong.MaxValue - (uint)length)
        {
            return ChainFault.OutsideMemory;
        }

        while (length > 0)
        {
            if (!_memory!.TryTranslate(address, out var pointer, out var contiguous))
            {
                return ChainFault.OutsideMemory;
            }

            if (count == _segments.Length)
            {
                return ChainFault.TooManySegments;
            }

            var bytes = (int)Math.Min((ulong)length, contiguous);
            _segments[count++] = new GuestSegment(pointer, bytes);
            address += (uint)bytes;
            length -= bytes;
        }

        return ChainFault.None;
    }
}
