namespace NitroEnclaves.Virtio;

// What the host sends, and the packets that go to the guest.
sealed partial class VsockDeviceConnection
{
    // A host program that sends little is read into little: the guess follows what the last reads brought.
    const int MinRead = 4 * 1024;

    // One connection's share before the next has its turn.
    const int MaxRead = 128 * 1024;

    VsockOwed _owed;
    VsockShutdown _announcedShutdown;
    int _readSize = MinRead;
    bool _hostIsReadable;
    bool _hostWillNotSend;
    bool _hostIsGone;
    bool _creditRequested;
    bool _isProbablyDry;

    /// <summary>Whether there is a packet for the guest, as far as can be known without reading.</summary>
    internal bool HasPackets => _owed != VsockOwed.None || CanRead || MissingShutdown != VsockShutdown.None;

    /// <summary>
    /// Whether the next read will most likely find nothing: the last one brought less than it could. It is made all the same, as such a
    /// read can also end at a descriptor that the host program sent along, but after the guest has what there is.
    /// </summary>
    internal bool IsProbablyDry => _isProbablyDry && _owed == VsockOwed.None;

    // Without credit one packet remains: the request for some.
    bool CanRead => State == VsockConnectionState.Established && (_hostIsReadable || HasOutgoing) && !_hostWillNotSend && !GuestWillNotReceive
                    && (_sending.Available > 0 || !_creditRequested);

    // What the guest has not been told yet. Bytes that wait in the socket come before the end.
    VsockShutdown MissingShutdown
    {
        get
        {
            if (State != VsockConnectionState.Established)
            {
                return VsockShutdown.None;
            }

            // Of a host that is gone the guest hears once, after the last byte.
            var ended = _hostWillNotSend || (_hostIsGone && GuestWillNotReceive);
            var deaf = _hostIsGone ? ended : _hostWillNotReceive;
            return ((ended ? VsockShutdown.WillNotSend : VsockShutdown.None) | (deaf ? VsockShutdown.WillNotReceive : VsockShutdown.None))
                   & ~_announcedShutdown;
        }
    }

    /// <summary>
    /// Sends the guest what the connection has for it: everything without payload, and one round of bytes.
    /// </summary>
    /// <returns>False when the guest's receive buffers have run out.</returns>
    internal bool Deliver()
    {
        if (_owed != VsockOwed.None && !DeliverOwed())
        {
            return false;
        }

        if (CanRead && !DeliverData())
        {
            return false;
        }

        return MissingShutdown == VsockShutdown.None || DeliverShutdown();
    }

    bool DeliverOwed()
    {
        if ((_owed & VsockOwed.Reset) != 0)
        {
            if (!Announce(VsockOperation.Reset))
            {
                return false;
            }

            _owed = VsockOwed.None;
            LeaveGuest();
            return true;
        }

        return Deliver(VsockOwed.Request, VsockOperation.Request)
            && Deliver(VsockOwed.Response, VsockOperation.Response)
            && Deliver(VsockOwed.CreditUpdate, VsockOperation.CreditUpdate);
    }

    bool Deliver(VsockOwed what, VsockOperation operation)
    {
        if ((_owed & what) == 0)
        {
            return true;
        }

        if (!Announce(operation))
        {
            return false;
        }

        _owed &= ~what;
        return true;
    }

    bool DeliverData()
    {
        _isProbablyDry = false;
        var window = (int)Math.Min(_sending.Available, MaxRead);
        if (window == 0)
        {
            _creditRequested = true;
            return Announce(VsockOperation.CreditRequest);
        }

        if (_messages is not null)
        {
            return DeliverMessage(window);
        }

        var batch = _device.ReceiveBatch;
        if (!batch.TryTake(_device.ReceiveQueue!, Math.Min(_readSize, window), window))
        {
            return false;
        }

        var read = VsockHostSocket.Receive(_socket, batch.Segments, out var error);
        _device.Counters.PacketsToGuest += batch.Complete(_device.ReceiveQueue!, Header(VsockOperation.ReadWrite), Math.Max(read, 0));
        if (read > 0)
        {
            _sending.Send((uint)read);
            _received.Announce();
            _device.Counters.BytesToGuest += read;
            _isProbablyDry = read < batch.Capacity;
            _readSize = _isProbablyDry ? Math.Max(MinRead, read) : Math.Min(_readSize * 2, MaxRead);
        }
        else if (error is Interop.Errno.EAGAIN)
        {
            _hostIsReadable = false;
        }
        else
        {
            // The end may be seen before the event that tells of the close, and the guest should hear of both at once.
            _hostWillNotSend = true;
            _hostIsGone |= error != 0 || VsockHostSocket.IsHungUp(_socket);
            _hostWillNotReceive |= _hostIsGone;
        }

        return true;
    }

    bool DeliverShutdown()
    {
        var shutdown = _announcedShutdown | MissingShutdown;
        if (!Announce(VsockOperation.Shutdown, (uint)shutdown))
        {
            return false;
        }

        _announcedShutdown = shutdown;
        if (shutdown == VsockShutdown.Both)
        {
            State = VsockConnectionState.HostClosed;
            SetTimer(_device.Options.CloseTimeout);
        }

        return true;
    }

    bool Announce(VsockOperation operation, uint flags = 0)
    {
        if (!_device.TrySend(Header(operation, flags)))
        {
            return false;
        }

        _received.Announce();
        return true;
    }

    VsockPacketHeader Header(VsockOperation operation, uint flags = 0) => new()
    {
        SourceCid = Key.HostCid,
        DestinationCid = _device.GuestCid,
        SourcePort = Key.HostPort,
        DestinationPort = Key.GuestPort,
        Type = Type,
        Operation = operation,
        Flags = flags,
        BufferSize = _received.BufferSize,
        Forwarded = _received.Forwarded,
    };

    /// <summary>Accepts the guest's request: the first packet of a connection that the guest began and the host has granted.</summary>
    internal void Grant(in VsockPacketHeader request)
    {
        _sending.Update(request.BufferSize, request.Forwarded);
        if (State == VsockConnectionState.Established)
        {
            Owe(VsockOwed.Response);
        }
    }

    /// <summary>Asks the guest for the connection that the host began.</summary>
    internal void Ask() => Owe(VsockOwed.Request);

    void CompleteHostConnect()
    {
        if (VsockHostSocket.TakeError(_socket) != 0)
        {
            Reset(drain: false);
            return;
        }

        switch (_greeting?.Read(_socket) ?? VsockGreetingState.Granted)
        {
            case VsockGreetingState.Incomplete:
                return;
            case VsockGreetingState.Refused:
                Reset(drain: false);
                return;
        }

        _timer?.Cancel();
        _greeting = null;
        State = VsockConnectionState.Established;

        // Arming the edge anew reports bytes that have come behind the greeting.
        _registration.Modify(Reading);
        Owe(VsockOwed.Response);
        if (GuestWillNotSend)
        {
            VsockHostSocket.EndSending(_socket);
        }
    }

    void CompleteGuestConnect()
    {
        _timer?.Cancel();
        State = VsockConnectionState.Established;
        _owed &= ~VsockOwed.Request;
        TakeCompletion()?.Connected(_socket, Key.HostPort);
    }

    void Owe(VsockOwed what)
    {
        _owed |= what;
        _device.Schedule(this);
    }

    void ScheduleIfReady()
    {
        if (HasPackets)
        {
            _device.Schedule(this);
        }
    }
}
