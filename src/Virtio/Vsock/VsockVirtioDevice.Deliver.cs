namespace NitroEnclaves.Virtio;

// To the guest: queue 0.
public sealed partial class VsockVirtioDevice
{
    // Above what programs choose and what kernels hand out, as in Firecracker.
    const uint FirstHostPort = 1u << 30;
    const uint LastHostPort = (1u << 31) - 1;

    // Then the loop looks at its descriptors again: a connection that floods must not keep others from being noticed.
    const int PacketsPerTurn = 128;

    readonly VsockReadyList _ready = new();
    readonly Action _deliverTurn;
    bool _deliveryIsPosted;
    uint _nextHostPort = FirstHostPort;

    internal Virtqueue? ReceiveQueue { get; private set; }

    /// <summary>Gives the connection a turn: it has something for the guest.</summary>
    internal void Schedule(VsockDeviceConnection connection)
    {
        _ready.Add(connection);
        ScheduleDelivery();
    }

    /// <summary>Sends a packet without payload.</summary>
    /// <returns>False when there is no receive buffer for it.</returns>
    internal bool TrySend(in VsockPacketHeader header)
    {
        var queue = ReceiveQueue!;
        for (var useless = 0; useless < queue.Size && queue.TryPop(out var chain); useless++)
        {
            if (chain.WritableLength < VsockPacketHeader.Size)
            {
                queue.AddUsed(chain.Head, 0);
                continue;
            }

            Span<byte> bytes = stackalloc byte[VsockPacketHeader.Size];
            header.Write(bytes);
            chain.Write(0, bytes);
            queue.AddUsed(chain.Head, VsockPacketHeader.Size);
            _counters.PacketsToGuest++;
            return true;
        }

        return false;
    }

    // Posted rather than called: all that one wake-up of the loop brings goes out with one interrupt.
    void ScheduleDelivery()
    {
        if (!_deliveryIsPosted && (_resets.Count > 0 || _ready.First is not null))
        {
            _deliveryIsPosted = true;
            Loop.Post(_deliverTurn);
        }
    }

    void DeliverTurn()
    {
        _deliveryIsPosted = false;
        if (ReceiveQueue is not { IsRunning: true } queue)
        {
            // Not a byte is read from the host that the guest could not get; it goes on when the queue starts.
            return;
        }

        queue.DisableNotifications();
        var isStarved = !DeliverResets() || !DeliverConnections(queue);
        queue.Publish();
        if (!isStarved || queue.EnableNotifications())
        {
            ScheduleDelivery();
        }

        if (_transmitIsStalled && !_resets.IsFull)
        {
            _transmitIsStalled = false;
            Loop.Post(_transmitTurn);
        }
    }

    bool DeliverResets()
    {
        while (_resets.Count > 0)
        {
            if (!TrySend(_resets.First))
            {
                return false;
            }

            _resets.RemoveFirst();
        }

        return true;
    }

    bool DeliverConnections(Virtqueue queue)
    {
        var end = _counters.PacketsToGuest + PacketsPerTurn;
        for (var turns = PacketsPerTurn; turns > 0 && _counters.PacketsToGuest < end && _ready.First is { } connection; turns--)
        {
            if (connection.IsProbablyDry)
            {
                queue.Publish();
            }

            if (!connection.Deliver())
            {
                return false;
            }

            _ready.RemoveFirst();
            if (connection.HasPackets)
            {
                _ready.Add(connection);
            }
        }

        return true;
    }

    VsockConnectionKey FreeHostPort(uint hostCid, uint guestPort)
    {
        while (true)
        {
            var key = new VsockConnectionKey(hostCid, _nextHostPort, guestPort);
            _nextHostPort = _nextHostPort == LastHostPort ? FirstHostPort : _nextHostPort + 1;
            if (!_connections.ContainsKey(key))
            {
                return key;
            }
        }
    }
}
