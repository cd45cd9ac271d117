namespace NitroEnclaves.Virtio;

/// <summary>
/// One connection between the guest and a host socket: its state, its two credit accounts and what it owes the guest. This part is its
/// life; <c>FromGuest</c> and <c>FromHost</c> are its two directions.
/// </summary>
sealed partial class VsockDeviceConnection : IReadyHandler
{
    // Edge-triggered: a host program's writes wake the loop once, however long the guest's credit lets the bytes wait.
    const ReadyEvents Reading = ReadyEvents.Readable | ReadyEvents.ReadHangUp | ReadyEvents.EdgeTriggered;

    readonly VsockVirtioDevice _device;
    readonly SafeDescriptor _socket;
    readonly EventRegistration _registration;
    IVsockConnectCompletion? _completion;
    IVsockGreeting? _greeting;
    LoopTimer? _timer;
    VsockReceivedCredit _received;
    VsockSendCredit _sending;

    /// <summary>Takes over a host socket and watches it.</summary>
    /// <param name="device">The device, whose table gets the connection.</param>
    /// <param name="key">The connection's addresses.</param>
    /// <param name="socket">The host socket; owned, unless this throws.</param>
    /// <param name="state">One of the states in which a connection begins.</param>
    /// <param name="completion">Who waits for the guest's answer.</param>
    /// <param name="greeting">What the host socket must say first.</param>
    /// <param name="keepsMessages">Whether both sockets are of type SOCK_SEQPACKET.</param>
    /// <exception cref="IOException">The descriptor cannot be watched.</exception>
    internal VsockDeviceConnection(
        VsockVirtioDevice device,
        in VsockConnectionKey key,
        SafeDescriptor socket,
        VsockConnectionState state,
        IVsockConnectCompletion? completion,
        IVsockGreeting? greeting,
        bool keepsMessages)
    {
        _device = device;
        _socket = socket;
        _completion = completion;
        _greeting = greeting;
        _messages = keepsMessages ? new VsockMessages() : null;
        Key = key;
        State = state;
        _received = new VsockReceivedCredit((uint)_device.Options.BufferSize);
        _registration = _device.Loop.Register(_socket, state == VsockConnectionState.HostConnecting ? Reading | ReadyEvents.Writable : Reading, this);
        if (state != VsockConnectionState.Established)
        {
            SetTimer(_device.Options.ConnectTimeout);
        }
    }

    internal VsockConnectionKey Key { get; }

    internal VsockConnectionState State { get; private set; }

    /// <summary>Link of the <see cref="VsockReadyList"/>.</summary>
    internal VsockDeviceConnection? NextReady { get; set; }

    /// <summary>Whether the connection is in the <see cref="VsockReadyList"/>.</summary>
    internal bool IsReady { get; set; }

    /// <summary>Something happened on the host socket.</summary>
    public void OnReady(ReadyEvents events)
    {
        if (State == VsockConnectionState.HostConnecting)
        {
            CompleteHostConnect();
            return;
        }

        if ((events & (ReadyEvents.HangUp | ReadyEvents.Error)) != 0)
        {
            _hostIsGone = _hostWillNotReceive = true;
            if (State == VsockConnectionState.GuestConnecting)
            {
                Abandon();
                return;
            }
        }

        if (HasBacklog)
        {
            WriteBacklog();
        }

        if ((events & ~ReadyEvents.Writable) != 0)
        {
            _hostIsReadable = true;
            ScheduleIfReady();
        }
    }

    /// <summary>Ends the connection at once and leaves the guest in the dark: it is gone, or knows.</summary>
    /// <param name="failure">What whoever waits for the guest's answer hears.</param>
    internal void Close(VsockConnectFailure failure = VsockConnectFailure.Reset)
    {
        if (State == VsockConnectionState.Closed)
        {
            return;
        }

        _device.Forget(this);
        State = VsockConnectionState.Closed;
        _owed = VsockOwed.None;
        CloseHost();
        TakeCompletion()?.Failed(failure);
    }

    /// <summary>Ends the connection and resets the guest; what the guest has sent in an orderly way still reaches the host.</summary>
    /// <param name="drain">Whether bytes that wait for the host are kept.</param>
    void Reset(bool drain)
    {
        State = VsockConnectionState.Resetting;
        _owed = VsockOwed.Reset;
        if (!drain || !HasBacklog)
        {
            CloseHost();
        }
        else
        {
            SetTimer(_device.Options.DrainTimeout);
        }

        _device.Schedule(this);
    }

    /// <summary>The guest has been reset, or has reset: the address pair is free for the next connection.</summary>
    void LeaveGuest()
    {
        _device.Forget(this);
        _owed = VsockOwed.None;
        if (HasBacklog && !_hostWillNotReceive)
        {
            State = VsockConnectionState.Draining;
            _device.Drain(this);
            SetTimer(_device.Options.DrainTimeout);
        }
        else
        {
            State = VsockConnectionState.Closed;
            CloseHost();
        }
    }

    // Whoever asked for the connection is gone before the guest has answered.
    void Abandon()
    {
        if ((_owed & VsockOwed.Request) != 0)
        {
            Close(VsockConnectFailure.Abandoned);
            return;
        }

        Reset(drain: false);
        TakeCompletion()?.Failed(VsockConnectFailure.Abandoned);
    }

    void OnTimer()
    {
        switch (State)
        {
            case VsockConnectionState.HostConnecting:
            case VsockConnectionState.HostClosed:
                Reset(drain: false);
                break;
            case VsockConnectionState.GuestConnecting:
                Reset(drain: false);
                TakeCompletion()?.Failed(VsockConnectFailure.TimedOut);
                break;
            case VsockConnectionState.GuestClosed:
                Reset(drain: true);
                break;
            case VsockConnectionState.Resetting:
                CloseHost();
                break;
            case VsockConnectionState.Draining:
                Close();
                break;
        }
    }

    void SetTimer(TimeSpan due)
    {
        _timer ??= _device.Loop.CreateTimer(OnTimer);
        _timer.Set(due);
    }

    void CloseHost()
    {
        _timer?.Cancel();
        _registration.Dispose();
        _socket.Dispose();
        _backlog?.Clear();
        _messages?.Clear();
        _hostIsReadable = false;
    }

    IVsockConnectCompletion? TakeCompletion()
    {
        var taken = _completion;
        _completion = null;
        return taken;
    }
}
