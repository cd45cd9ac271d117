using System.Buffers.Binary;

namespace NitroEnclaves.Virtio;

// What concerns one ring.
sealed partial class VhostUserSession
{
    void SetRing(in VhostUserMessage message)
    {
        VhostUserRing ring;
        switch (message.Request)
        {
            case VhostUserRequest.SetVringSize:
                (ring, var size) = RingAndValue(message);
                ring.SetSize(size);
                break;

            case VhostUserRequest.SetVringBase:
                (ring, var first) = RingAndValue(message);
                SetBase(ring, first);
                break;

            case VhostUserRequest.SetVringAddress:
                SetAddresses(message);
                break;

            case VhostUserRequest.SetVringEnable:
                (ring, var enabled) = RingAndValue(message);
                ring.IsEnabled = enabled <= 1 ? enabled == 1 : throw OutOfRange(message.Request, enabled);
                ring.Update(_memory, _features);
                break;

            default:
                SetDescriptor(message);
                break;
        }

    }

    /// <summary>
    /// The rule by which a restarted guest is told from a resumed machine: both stop the rings and start them again over the same
    /// connection, but a resumed one goes on at the index that it was given.
    /// </summary>
    void SetBase(VhostUserRing ring, uint first)
    {
        ring.RequireStopped();
        if (first > ushort.MaxValue)
        {
            throw OutOfRange(VhostUserRequest.SetVringBase, first);
        }

        if (!ring.IsFresh && ring.Base != first)
        {
            ResetDevice();
        }

        ring.Base = (ushort)first;
    }

    // Rings that are set up already belong to the guest's new life: they stay as they are.
    void ResetDevice()
    {
        foreach (var ring in _rings)
        {
            ring.Pause();
        }

        _device.Reset();
        foreach (var ring in _rings)
        {
            ring.Forget();
        }

        _device.Negotiated(_features & ~VhostUserFeatures.ProtocolFeatures);
        foreach (var ring in _rings)
        {
            ring.Update(_memory, _features);
        }
    }

    /// <summary>
    /// <c>u32 index; u32 flags; u64 descriptor; u64 used; u64 available; u64 log</c>; the log address is not zero even where
    /// nothing is logged.
    /// </summary>
    void SetAddresses(in VhostUserMessage message)
    {
        message.RequireSize(40);
        var ring = RingAt(message.Request, BinaryPrimitives.ReadUInt32LittleEndian(message.Payload));
        if (BinaryPrimitives.ReadUInt32LittleEndian(message.Payload[4..]) is var flags and not 0)
        {
            throw OutOfRange(message.Request, flags);
        }

        ring.SetAddresses(
            descriptors: BinaryPrimitives.ReadUInt64LittleEndian(message.Payload[8..]),
            used: BinaryPrimitives.ReadUInt64LittleEndian(message.Payload[16..]),
            available: BinaryPrimitives.ReadUInt64LittleEndian(message.Payload[24..]));
    }

    /// <summary>A number whose bits 0-7 are the index, and whose bit 8 says that no descriptor comes along.</summary>
    void SetDescriptor(in VhostUserMessage message)
    {
        const ulong NoDescriptor = 1 << 8;
        var value = message.ReadU64();
        if (value > (NoDescriptor | 0xFF))
        {
            throw OutOfRange(message.Request, value);
        }

        var ring = RingAt(message.Request, (uint)(value & 0xFF));
        SafeDescriptor? descriptor = null;
        if ((value & NoDescriptor) == 0)
        {
            descriptor = message.TakeDescriptor();
        }
        else
        {
            message.RequireDescriptors(0);
        }

        switch (message.Request)
        {
            // Without a descriptor the ring would have to be polled for ever.
            case VhostUserRequest.SetVringKick:
                ring.SetKick(descriptor
                    ?? throw new VirtioException(VirtioFault.MessageDescriptors, "A ring without a kick descriptor is not served."));
                ring.Update(_memory, _features);
                break;

            case VhostUserRequest.SetVringCall:
                ring.SetCall(descriptor);
                break;

            default:
                ring.SetError(descriptor);
                break;
        }
    }

    void StopRing(in VhostUserMessage message)
    {
        var (ring, _) = RingAndValue(message);
        Span<byte> reply = stackalloc byte[2 * sizeof(uint)];
        BinaryPrimitives.WriteUInt32LittleEndian(reply, (uint)ring.Queue.Index);
        BinaryPrimitives.WriteUInt32LittleEndian(reply[4..], ring.Stop());
        _channel.Reply(message.Request, reply);
    }

    (VhostUserRing Ring, uint Value) RingAndValue(in VhostUserMessage message)
    {
        var (index, value) = message.ReadVringState();
        return (RingAt(message.Request, index), value);
    }

    VhostUserRing RingAt(VhostUserRequest request, uint index) =>
        index < (uint)_rings.Length ? _rings[index] : throw OutOfRange(request, index);

    static VirtioException OutOfRange(VhostUserRequest request, ulong value) =>
        new(VirtioFault.MessageArgument, $"{request} with {value}, which is out of range.");
}
