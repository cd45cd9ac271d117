namespace NitroEnclaves.Virtio;

// What the guest says and sends.
sealed partial class VsockDeviceConnection
{
    VsockTransmitBuffer? _backlog;

    // Of messages only whole ones: the rest of one whose end never comes keeps nothing open.
    bool HasBacklog => _messages is null ? _backlog is { Length: > 0 } : _messages.Count > 0;

    VsockShutdown _guestShutdown;
    bool _hostWillNotReceive;

    bool GuestWillNotSend => (_guestShutdown & VsockShutdown.WillNotSend) != 0;

    bool GuestWillNotReceive => (_guestShutdown & VsockShutdown.WillNotReceive) != 0;

    /// <summary>Takes a packet of this connection.</summary>
    /// <param name="header">Its header.</param>
    /// <param name="chain">The packet; the payload that the header announces is there.</param>
    internal void Receive(in VsockPacketHeader header, in DescriptorChain chain)
    {
        if (header.Operation == VsockOperation.Reset)
        {
            ReceiveReset();
            return;
        }

        if (State == VsockConnectionState.Resetting)
        {
            return;
        }

        _sending.Update(header.BufferSize, header.Forwarded);
        switch (header.Operation)
        {
            case VsockOperation.Request:
                // The guest has forgotten the connection. It may ask again once it has been reset.
                Reset(drain: GuestWillNotSend);
                TakeCompletion()?.Failed(VsockConnectFailure.Refused);
                return;
            case VsockOperation.Response when State == VsockConnectionState.GuestConnecting:
                CompleteGuestConnect();
                break;
            case VsockOperation.ReadWrite:
                ReceiveData(chain, (int)header.Length, (header.Flags & VsockPacketHeader.EndOfMessage) != 0);
                break;
            case VsockOperation.Shutdown:
                ReceiveShutdown((VsockShutdown)header.Flags & VsockShutdown.Both);
                break;
            case VsockOperation.CreditRequest when State is VsockConnectionState.Established or VsockConnectionState.HostClosed:
                Owe(VsockOwed.CreditUpdate);
                break;
        }

        if (_sending.Available > 0)
        {
            _creditRequested = false;
            ScheduleIfReady();
        }
    }

    /// <summary>The chain of a packet is not what its header says: nothing that follows could be trusted to be in its place.</summary>
    internal void ReceiveMalformed()
    {
        if (State != VsockConnectionState.Resetting)
        {
            Reset(drain: false);
            TakeCompletion()?.Failed(VsockConnectFailure.Refused);
        }
    }

    /// <summary>Sends payloads to the host; what it does not take now waits in the backlog.</summary>
    internal void WriteToHost(ReadOnlySpan<GuestSegment> segments)
    {
        if (State is VsockConnectionState.Resetting or VsockConnectionState.Closed)
        {
            return;
        }

        var sent = 0;
        if (!_hostWillNotReceive && !HasBacklog)
        {
            sent = Send(segments);
            _received.Forward((uint)sent);
        }

        foreach (ref readonly var segment in segments)
        {
            var skipped = Math.Min(sent, segment.Length);
            sent -= skipped;
            if (skipped == segment.Length)
            {
                continue;
            }

            if (_hostWillNotReceive)
            {
                // Nobody will read it. It counts as passed on, so that the guest hears of the shutdown and not of a full buffer.
                _received.Forward((uint)(segment.Length - skipped));
            }
            else if (!(_backlog ??= new VsockTransmitBuffer(_device.Buffers)).TryAppend(segment.Span[skipped..]))
            {
                _device.Counters.BufferLimitResets++;
                Reset(drain: false);
                return;
            }
        }

        if (HasBacklog)
        {
            _registration.Modify(Reading | ReadyEvents.Writable);
        }

        AnnounceCredit();
    }

    void WriteBacklog()
    {
        Span<GuestSegment> segments = stackalloc GuestSegment[VsockMessages.MaxSegments];
        var progress = false;
        while (HasBacklog && !_hostWillNotReceive)
        {
            var count = _backlog!.Peek(segments);
            var sent = Send(segments[..(_messages?.Limit(segments, count) ?? count)]);
            if (sent == 0)
            {
                break;
            }

            progress = true;
            _received.Forward((uint)sent);
            _backlog.Advance(sent);
            _messages?.EndFirst();
        }

        if (_hostWillNotReceive)
        {
            _received.Forward((uint)_backlog!.Length);
            _backlog.Clear();
            _messages?.Clear();
        }

        if (!HasBacklog)
        {
            _registration.Modify(Reading);
            EndBacklog();
        }
        else if (progress && State is VsockConnectionState.Draining or VsockConnectionState.Resetting)
        {
            SetTimer(_device.Options.DrainTimeout);
        }

        AnnounceCredit();
    }

    // The host has the last byte that the guest sent: what waited for that can happen.
    void EndBacklog()
    {
        switch (State)
        {
            case VsockConnectionState.GuestClosed:
                Reset(drain: false);
                break;
            case VsockConnectionState.Resetting:
                CloseHost();
                break;
            case VsockConnectionState.Draining:
                Close();
                break;
            default:
                if (GuestWillNotSend)
                {
                    VsockHostSocket.EndSending(_socket);
                }

                break;
        }
    }

    int Send(ReadOnlySpan<GuestSegment> segments)
    {
        var sent = VsockHostSocket.Send(_socket, segments, out var error);
        if (sent >= 0)
        {
            _device.Counters.BytesFromGuest += sent;
            return sent;
        }

        if (error != Interop.Errno.EAGAIN)
        {
            // The host program has closed, or reads no more. If it is gone for good, the socket says so as well.
            _hostWillNotReceive = true;
            ScheduleIfReady();
        }

        return 0;
    }

    void ReceiveData(in DescriptorChain chain, int length, bool isEnd)
    {
        if (State is VsockConnectionState.HostConnecting or VsockConnectionState.GuestConnecting || !_received.TryReceive((uint)length))
        {
            // Before the connection stands there is no credit; above the credit there is no memory.
            _device.Counters.CreditViolations++;
            Reset(drain: false);
            TakeCompletion()?.Failed(VsockConnectFailure.Refused);
        }
        else if (GuestWillNotSend || _hostWillNotReceive)
        {
            _received.Forward((uint)length);
            AnnounceCredit();
        }
        else if (_messages is not null)
        {
            ReceiveMessage(chain, length, isEnd);
        }
        else if (length > 0)
        {
            _device.TransmitBatch.Add(this, chain, length);
        }
    }

    void ReceiveShutdown(VsockShutdown flags)
    {
        if (State == VsockConnectionState.GuestConnecting)
        {
            return;
        }

        var before = _guestShutdown;
        _guestShutdown |= flags;
        if (State == VsockConnectionState.HostConnecting)
        {
            if (_guestShutdown == VsockShutdown.Both)
            {
                Reset(drain: false);
            }

            return;
        }

        var isWritten = !HasBacklog;
        if (_guestShutdown == VsockShutdown.Both)
        {
            if (isWritten)
            {
                Reset(drain: false);
            }
            else if (State == VsockConnectionState.Established)
            {
                State = VsockConnectionState.GuestClosed;
                SetTimer(_device.Options.CloseTimeout);
                VsockHostSocket.EndReceiving(_socket);
            }

            return;
        }

        var added = _guestShutdown & ~before;
        if ((added & VsockShutdown.WillNotReceive) != 0)
        {
            VsockHostSocket.EndReceiving(_socket);
            ScheduleIfReady();
        }

        if ((added & VsockShutdown.WillNotSend) != 0 && isWritten)
        {
            VsockHostSocket.EndSending(_socket);
        }
    }

    void ReceiveReset()
    {
        TakeCompletion()?.Failed(VsockConnectFailure.Refused);
        if (GuestWillNotSend)
        {
            LeaveGuest();
        }
        else
        {
            Close();
        }
    }

    void AnnounceCredit()
    {
        if (State == VsockConnectionState.Established && !GuestWillNotSend && _received.ShouldAnnounce)
        {
            Owe(VsockOwed.CreditUpdate);
        }
    }
}
