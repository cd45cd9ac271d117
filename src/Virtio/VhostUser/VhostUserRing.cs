namespace NitroEnclaves.Virtio;

/// <summary>
/// One queue as the front end sees it: what was set for it, whether it runs, and its three eventfds. It runs while it is
/// started (a kick descriptor was given), enabled, and not broken.
/// </summary>
sealed class VhostUserRing : IReadyHandler, IVirtqueueNotifier
{
    readonly EventLoop _loop;
    readonly IVirtioDevice _device;
    readonly Action _postedTurn;
    SafeDescriptor? _kick;
    SafeDescriptor? _call;
    SafeDescriptor? _error;
    EventRegistration? _registration;
    VirtqueueLayout? _addresses;
    int _size;
    bool _isAnnounced;
    bool _isTurnPosted;
    bool _hasRaisedCall;

    internal VhostUserRing(EventLoop loop, IVirtioDevice device, int index)
    {
        _loop = loop;
        _device = device;
        Queue = new Virtqueue(index, device.MaxQueueSize);
        _postedTurn = () =>
        {
            _isTurnPosted = false;
            TakeTurn();
        };
    }

    internal Virtqueue Queue { get; }

    /// <summary>Whether the front end started the ring: addresses, size and base stand fast.</summary>
    internal bool IsStarted => _kick is not null;

    /// <summary>What SET_VRING_ENABLE said last, or null.</summary>
    internal bool? IsEnabled { get; set; }

    /// <summary>Index of the first chain, from SET_VRING_BASE.</summary>
    internal ushort Base { get; set; }

    /// <summary>Whether the guest knows no past of this queue, so that any base is as good.</summary>
    internal bool IsFresh { get; set; } = true;

    internal void SetSize(uint entries)
    {
        RequireStopped();
        if (entries == 0 || entries > (uint)_device.MaxQueueSize || !uint.IsPow2(entries))
        {
            throw new VirtioException(VirtioFault.RingSize,
                $"Queue {Queue.Index} of {entries} entries; a power of two up to {_device.MaxQueueSize} is possible.");
        }

        _size = (int)entries;
    }

    internal void SetAddresses(ulong descriptors, ulong used, ulong available)
    {
        RequireStopped();
        _addresses = new VirtqueueLayout(0, descriptors, available, used, RingAddressSpace.User);
    }

    internal void RequireStopped()
    {
        if (IsStarted)
        {
            throw new VirtioException(VirtioFault.MessageSequence, $"Queue {Queue.Index} is set up while it is started.");
        }
    }

    /// <summary>Gives the descriptor by which the driver notifies; from then on the ring is started.</summary>
    internal void SetKick(SafeDescriptor descriptor)
    {
        var kick = NonBlocking(descriptor);
        Unwatch();
        _kick?.Dispose();
        _kick = kick;
        if (_isAnnounced)
        {
            Watch();
            TakeTurn();
        }
    }

    /// <summary>Replaces the descriptor by which the driver is interrupted; null where it looks by itself.</summary>
    internal void SetCall(SafeDescriptor? descriptor)
    {
        var call = descriptor is null ? null : NonBlocking(descriptor);
        _call?.Dispose();
        _call = call;

        // An interrupt on the descriptor before may have gone unheard. It is repeated, but only after the ring was looked at:
        // the Linux NSM driver takes any interrupt for the answer to its command.
        if (Queue.IsRunning && _hasRaisedCall)
        {
            TakeTurn();
            RaiseCall();
        }
    }

    internal void SetError(SafeDescriptor? descriptor)
    {
        var error = descriptor is null ? null : NonBlocking(descriptor);
        _error?.Dispose();
        _error = error;
    }

    /// <summary>Starts or stops the queue as its state demands now.</summary>
    /// <param name="memory">The guest's memory, once it is known.</param>
    /// <param name="features">What was negotiated.</param>
    /// <exception cref="VirtioException">The ring cannot be started; it stays stopped.</exception>
    internal void Update(GuestMemory? memory, ulong features)
    {
        var isEnabled = IsEnabled ?? (features & VhostUserFeatures.ProtocolFeatures) == 0;
        if (!IsStarted || !isEnabled)
        {
            Pause();
            return;
        }

        if (_isAnnounced)
        {
            return;
        }

        if (memory is null || _size == 0 || _addresses is not { } layout)
        {
            throw new VirtioException(VirtioFault.MessageSequence,
                $"Queue {Queue.Index} is started before its memory, size and addresses are set.");
        }

        Watch();
        try
        {
            Queue.Start(memory, layout with { Size = _size }, features, Base, this);
        }
        catch
        {
            Unwatch();
            throw;
        }

        _isAnnounced = true;
        IsFresh = false;
        _hasRaisedCall = false;
        _device.QueueStarted(Queue);

        // Chains may have been waiting before anybody listened.
        TakeTurn();
    }

    /// <summary>Stops the queue and forgets that it was started (GET_VRING_BASE).</summary>
    /// <returns>Index of the next chain.</returns>
    internal ushort Stop()
    {
        Pause();
        Unwatch();
        _kick?.Dispose();
        _kick = null;
        return Base;
    }

    public void OnReady(ReadyEvents events)
    {
        // Neither an event nor merely taken by somebody else: nothing will ever come, and it would be reported for ever.
        if (!EventSignal.Lower(_kick!) && (events & (ReadyEvents.Error | ReadyEvents.HangUp)) != 0)
        {
            Unwatch();
        }

        TakeTurn();
    }

    public void NotifyUsed() => RaiseCall();

    public void NotifyBroken()
    {
        if (_error is not null)
        {
            EventSignal.Raise(_error);
        }
    }

    /// <summary>Forgets a front end and all that it set.</summary>
    internal void Clear()
    {
        Stop();
        _call?.Dispose();
        _error?.Dispose();
        _call = _error = null;
        _addresses = null;
        _size = 0;
        IsEnabled = null;
        Base = 0;
        Forget();
    }

    /// <summary>Forgets the guest's past, after it was reset.</summary>
    internal void Forget()
    {
        Queue.Reset();
        IsFresh = true;
    }

    /// <summary>Stops the queue and keeps what was set for it.</summary>
    internal void Pause()
    {
        if (!_isAnnounced)
        {
            return;
        }

        // A queue that broke has stopped itself, but the device still has to be told.
        _isAnnounced = false;
        Unwatch();
        Queue.Stop();
        _device.QueueStopped(Queue);
        Base = Queue.NextAvailable;
    }

    void TakeTurn()
    {
        if (Queue.IsRunning && _device.QueueNotified(Queue) && !_isTurnPosted)
        {
            _isTurnPosted = true;
            _loop.Post(_postedTurn);
        }
    }

    void RaiseCall()
    {
        _hasRaisedCall = true;
        if (_call is not null)
        {
            EventSignal.Raise(_call);
        }
    }

    void Watch()
    {
        try
        {
            _registration = _loop.Register(_kick!, ReadyEvents.Readable, this);
        }
        catch (IOException exception)
        {
            throw new VirtioException(VirtioFault.MessageDescriptors,
                $"Queue {Queue.Index}: the kick descriptor cannot be watched.", exception);
        }
    }

    void Unwatch()
    {
        _registration?.Dispose();
        _registration = null;
    }

    // The descriptors are shared with the front end, which could otherwise make reading or writing one block this thread.
    static SafeDescriptor NonBlocking(SafeDescriptor descriptor)
    {
        var flags = Interop.Fcntl.fcntl(descriptor, Interop.Fcntl.F_GETFL, 0);
        if (flags < 0 || Interop.Fcntl.fcntl(descriptor, Interop.Fcntl.F_SETFL, flags | Interop.Fcntl.O_NONBLOCK) != 0)
        {
            descriptor.Dispose();
            throw new VirtioException(VirtioFault.MessageDescriptors, "A ring's descriptor cannot be made non-blocking.");
        }

        return descriptor;
    }
}
