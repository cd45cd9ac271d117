using System.Buffers.Binary;

namespace NitroEnclaves.Virtio;

/// <summary>
/// One connection of a front end, from the first message to the last: features, memory, and the rings' states. A request that
/// cannot be granted is refused where the front end asked for an answer, and ends the session where it did not.
/// </summary>
sealed partial class VhostUserSession : IReadyHandler
{
    readonly IVirtioDevice _device;
    readonly VhostUserRing[] _rings;
    readonly VhostUserChannel _channel;
    readonly EventRegistration _registration;
    readonly Action<VirtioException?> _ended;
    readonly ulong _offeredFeatures;
    ulong _features;
    ulong _protocolFeatures;
    GuestMemory? _memory;
    bool _isOver;

    /// <summary>Serves a connection until it ends.</summary>
    /// <param name="loop">Where everything happens.</param>
    /// <param name="device">The device.</param>
    /// <param name="rings">Its queues, cleared.</param>
    /// <param name="channel">The connection, taken over.</param>
    /// <param name="ended">Called once, when the device was reset and everything is closed; null for an orderly end.</param>
    internal VhostUserSession(
        EventLoop loop, IVirtioDevice device, VhostUserRing[] rings, VhostUserChannel channel, Action<VirtioException?> ended)
    {
        _device = device;
        _rings = rings;
        _channel = channel;
        _ended = ended;
        _offeredFeatures = device.Features | VirtioFeatures.Ring | VhostUserFeatures.ProtocolFeatures;
        _registration = loop.Register(channel.Descriptor, ReadyEvents.Readable, this);
    }

    public void OnReady(ReadyEvents events)
    {
        // One message in a turn: the rings have theirs in between, however much the front end talks.
        try
        {
            if (_channel.TryReceive(out var message, out var isEnd))
            {
                Answer(message);
                _channel.Release();
            }
            else if (isEnd)
            {
                End(null);
            }
        }
        catch (VirtioException exception)
        {
            End(exception);
        }
    }

    /// <summary>Ends the session: rings stop, the device is reset, memory is unmapped, every descriptor is closed.</summary>
    internal void End(VirtioException? reason)
    {
        if (_isOver)
        {
            return;
        }

        _isOver = true;
        _registration.Dispose();
        _channel.Dispose();
        foreach (var ring in _rings)
        {
            ring.Stop();
        }

        _device.Reset();
        foreach (var ring in _rings)
        {
            ring.Clear();
        }

        _memory?.Dispose();
        _memory = null;
        _ended(reason);
    }

    void Answer(in VhostUserMessage message)
    {
        var needsReply = message.NeedsReply && (_protocolFeatures & VhostUserFeatures.ReplyAcknowledge) != 0;
        try
        {
            if (Handle(message, needsReply))
            {
                return;
            }
        }
        catch (VirtioException exception) when (needsReply && exception.Fault != VirtioFault.ConnectionLost)
        {
            _channel.Reply(message.Request, 1);
            return;
        }

        // By flag and not by request: QEMU 11 wants acknowledgements where QEMU 10 did not.
        if (needsReply)
        {
            _channel.Reply(message.Request, 0);
        }
    }

    // Returns whether the request had a reply of its own, which takes the acknowledgement's place.
    bool Handle(in VhostUserMessage message, bool needsReply)
    {
        if (message.Request is not (VhostUserRequest.SetMemoryTable
            or VhostUserRequest.SetVringKick or VhostUserRequest.SetVringCall or VhostUserRequest.SetVringError))
        {
            message.RequireDescriptors(0);
        }

        switch (message.Request)
        {
            case VhostUserRequest.GetFeatures:
                return ReplyNumber(message, _offeredFeatures);

            case VhostUserRequest.SetFeatures:
                SetFeatures(message.ReadU64());
                return false;

            case VhostUserRequest.GetProtocolFeatures:
                return ReplyNumber(message, VhostUserFeatures.Offered(_device));

            case VhostUserRequest.SetProtocolFeatures:
                _protocolFeatures = RequireOffered(message.ReadU64(), VhostUserFeatures.Offered(_device));
                return false;

            case VhostUserRequest.GetQueueCount:
                return ReplyNumber(message, (ulong)_rings.Length);

            case VhostUserRequest.SetOwner:
                message.RequireSize(0);
                return false;

            case VhostUserRequest.SetMemoryTable:
                SetMemoryTable(message);
                return false;

            case VhostUserRequest.SetVringSize or VhostUserRequest.SetVringBase or VhostUserRequest.SetVringAddress
                or VhostUserRequest.SetVringKick or VhostUserRequest.SetVringCall or VhostUserRequest.SetVringError
                or VhostUserRequest.SetVringEnable:
                SetRing(message);
                return false;

            case VhostUserRequest.GetVringBase:
                StopRing(message);
                return true;

            case VhostUserRequest.GetConfiguration:
                GetConfiguration(message);
                return true;

            case VhostUserRequest.SetConfiguration when needsReply:
                throw new VirtioException(VirtioFault.MessageArgument, "The configuration space is read-only.");

            case VhostUserRequest.SetConfiguration:
                // The guest's doing, and no reason to take its device away.
                return false;

            default:
                throw new VirtioException(VirtioFault.MessageUnknown, $"Request {(uint)message.Request} was not offered.");
        }
    }

    bool ReplyNumber(in VhostUserMessage message, ulong value)
    {
        message.RequireSize(0);
        _channel.Reply(message.Request, value);
        return true;
    }

    void SetFeatures(ulong accepted)
    {
        RequireOffered(accepted, _offeredFeatures);
        foreach (var ring in _rings)
        {
            if (!ring.Queue.IsRunning)
            {
                continue;
            }

            if (accepted != _features)
            {
                throw new VirtioException(VirtioFault.MessageSequence, $"Features change while queue {ring.Queue.Index} runs.");
            }

            return;
        }

        _features = accepted;
        _device.Negotiated(_features & ~VhostUserFeatures.ProtocolFeatures);
    }

    /// <summary>
    /// <c>u32 count; u32 padding; count x { u64 guest_phys_addr; u64 memory_size; u64 userspace_addr; u64 mmap_offset }</c>,
    /// with one descriptor for each region.
    /// </summary>
    void SetMemoryTable(in VhostUserMessage message)
    {
        const int HeaderSize = 8;
        const int RegionSize = 32;
        if (message.Payload.Length < HeaderSize)
        {
            message.RequireSize(HeaderSize);
        }

        var count = BinaryPrimitives.ReadUInt32LittleEndian(message.Payload);
        if (count is 0 or > GuestMemory.MaxRegions)
        {
            throw new VirtioException(VirtioFault.MemoryRegionCount,
                $"A memory table of {count} regions; 1 to {GuestMemory.MaxRegions} are possible.");
        }

        message.RequireSize(HeaderSize + (int)count * RegionSize);
        message.RequireDescriptors((int)count);
        var regions = new GuestMemoryRegion[count];
        for (var i = 0; i < regions.Length; i++)
        {
            var region = message.Payload.Slice(HeaderSize + i * RegionSize, RegionSize);
            regions[i] = new GuestMemoryRegion(
                BinaryPrimitives.ReadUInt64LittleEndian(region),
                BinaryPrimitives.ReadUInt64LittleEndian(region[8..]),
                BinaryPrimitives.ReadUInt64LittleEndian(region[16..]),
                BinaryPrimitives.ReadUInt64LittleEndian(region[24..]),
                message.Descriptors[i]!);
        }

        // Whole before anything changes; running rings move over before the old table goes.
        var table = GuestMemory.Map(regions);
        foreach (var ring in _rings)
        {
            ring.Queue.Relocate(table);
        }

        _memory?.Dispose();
        _memory = table;
    }

    /// <summary>
    /// <c>u32 offset; u32 size; u32 flags; u8 region[size]</c>; the reply is as long, or 12 bytes where there is no such
    /// region.
    /// </summary>
    void GetConfiguration(in VhostUserMessage message)
    {
        const int HeaderSize = 12;
        if (message.Payload.Length < HeaderSize)
        {
            message.RequireSize(HeaderSize);
        }

        var offset = BinaryPrimitives.ReadUInt32LittleEndian(message.Payload);
        var size = BinaryPrimitives.ReadUInt32LittleEndian(message.Payload[4..]);
        if (size > VhostUserChannel.MaxConfiguration || message.Payload.Length != HeaderSize + (int)size)
        {
            throw new VirtioException(VirtioFault.MessageSize,
                $"A configuration access of {size} bytes in a payload of {message.Payload.Length}.");
        }

        var configuration = _device.Configuration;
        Span<byte> reply = stackalloc byte[HeaderSize + VhostUserChannel.MaxConfiguration];
        message.Payload[..HeaderSize].CopyTo(reply);
        if (offset > (uint)configuration.Length || size > (uint)configuration.Length - offset)
        {
            BinaryPrimitives.WriteUInt32LittleEndian(reply[4..], 0);
            _channel.Reply(message.Request, reply[..HeaderSize]);
            return;
        }

        configuration.Slice((int)offset, (int)size).CopyTo(reply[HeaderSize..]);
        _channel.Reply(message.Request, reply[..(HeaderSize + (int)size)]);
    }

    static ulong RequireOffered(ulong accepted, ulong offered) => (accepted & ~offered) == 0
        ? accepted
        : throw new VirtioException(VirtioFault.FeaturesNotOffered, $"Features 0x{accepted:x} of 0x{offered:x} offered.");
}
