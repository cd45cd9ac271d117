namespace NitroEnclaves.Virtio;

// From the guest: queue 1.
public sealed partial class VsockVirtioDevice
{
    readonly VsockResetQueue _resets = new(MaxWaitingResets);
    readonly Action _transmitTurn;
    Virtqueue? _transmitQueue;
    VsockCounters _counters;
    bool _transmitIsStalled;

    /// <summary>Takes packets, at most as many as the queue has entries.</summary>
    /// <returns>Whether there are more.</returns>
    bool Transmit(Virtqueue queue)
    {
        queue.DisableNotifications();
        _transmitIsStalled = false;
        var left = queue.Size;
        for (; left > 0; left--)
        {
            if (_resets.IsFull)
            {
                _transmitIsStalled = true;
                break;
            }

            if (!queue.TryPop(out var chain))
            {
                break;
            }

            Receive(chain);
            queue.AddUsed(chain.Head, 0);
        }

        // The batch lies in memory of chains that the guest takes back with the next line.
        TransmitBatch.Flush();
        queue.Publish();
        if (_transmitIsStalled)
        {
            // Delivery comes back here as soon as the guest has taken some resets.
            return false;
        }

        return left == 0 || queue.EnableNotifications();
    }

    void TransmitTurn()
    {
        if (_transmitQueue is { IsRunning: true } queue && Transmit(queue))
        {
            Loop.Post(_transmitTurn);
        }
    }

    void Receive(in DescriptorChain chain)
    {
        _counters.PacketsFromGuest++;
        Span<byte> bytes = stackalloc byte[VsockPacketHeader.Size];
        if (chain.Read(0, bytes) < VsockPacketHeader.Size)
        {
            _counters.MalformedPackets++;
            return;
        }

        var header = VsockPacketHeader.Read(bytes);
        if (header.SourceCid != GuestCid)
        {
            _counters.MalformedPackets++;
            return;
        }

        var connection = Find(header);
        var isWhole = header.Length <= VsockPacketHeader.MaxPayload && header.Length <= chain.ReadableLength - VsockPacketHeader.Size;
        if (header.Operation != VsockOperation.ReadWrite || !isWhole)
        {
            // What this packet does to its connection comes after the bytes before it.
            TransmitBatch.Flush();
        }

        if (!isWhole)
        {
            _counters.MalformedPackets++;
            if (connection is not null)
            {
                connection.ReceiveMalformed();
            }
            else
            {
                Refuse(header);
            }
        }
        else if (connection is not null)
        {
            connection.Receive(header, chain);
        }
        else if (header.Operation == VsockOperation.Request && HasType(header.Type) && header.DestinationCid <= uint.MaxValue
            && !_connections.ContainsKey(KeyOf(header)))
        {
            Accept(header);
        }
        else
        {
            _counters.OrphanPackets++;
            Refuse(header);
        }
    }

    VsockDeviceConnection? Find(in VsockPacketHeader header) =>
        header.DestinationCid <= uint.MaxValue && _connections.TryGetValue(KeyOf(header), out var connection) && connection.Type == header.Type
            ? connection
            : null;

    bool HasType(ushort type) => type == VsockPacketHeader.StreamType || (type == VsockPacketHeader.SeqpacketType && _hasSeqpacket);

    void Accept(in VsockPacketHeader request)
    {
        var key = KeyOf(request);
        var keepsMessages = request.Type == VsockPacketHeader.SeqpacketType;
        var result = ConnectionCount < Options.MaxConnections
            ? _backend.Connect(new VsockConnectRequest(GuestCid, key.GuestPort, key.HostCid, key.HostPort, keepsMessages))
            : VsockConnectResult.Refused;
        var state = result.IsPending ? VsockConnectionState.HostConnecting : VsockConnectionState.Established;
        if (result.Socket is { } socket && TryAdd(key, socket, state, greeting: result.Greeting, keepsMessages: keepsMessages) is { } connection)
        {
            _counters.GuestConnects++;
            connection.Grant(request);
        }
        else
        {
            _counters.GuestRefusals++;
            Refuse(request);
        }
    }

    // A reset is never answered, or two of these would talk for ever.
    void Refuse(in VsockPacketHeader packet)
    {
        if (packet.Operation != VsockOperation.Reset)
        {
            _resets.Add(packet);
            ScheduleDelivery();
        }
    }

    static VsockConnectionKey KeyOf(in VsockPacketHeader header) => new((uint)header.DestinationCid, header.DestinationPort, header.SourcePort);
}
