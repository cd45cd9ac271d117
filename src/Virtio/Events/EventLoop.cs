using System.Buffers.Binary;
using System.ComponentModel;
using System.Runtime.CompilerServices;
using System.Runtime.InteropServices;

namespace NitroEnclaves.Virtio;

/// <summary>
/// One thread that waits for descriptors, timers and posted work, and runs the handlers of each. Transports and devices live
/// on it and need no locks. A wake-up allocates nothing, and with nothing to do the thread sleeps.
/// </summary>
/// <remarks>All members belong to the loop's thread, except <see cref="Post"/>, <see cref="Stop"/> and <see cref="Completion"/>.</remarks>
public sealed unsafe partial class EventLoop : IDisposable
{
    const int MaxEventsPerWait = 128;

    readonly TimeProvider _time;
    readonly SafeDescriptor _epoll;
    readonly EventSignal _wake = new();
    readonly TaskCompletionSource _completion = new(TaskCreationOptions.RunContinuationsAsynchronously);
    readonly byte[] _ready = GC.AllocateArray<byte>(MaxEventsPerWait * Interop.Epoll.EventSize, pinned: true);
    EventRegistration?[] _registrations = new EventRegistration?[16];
    readonly Stack<int> _freeSlots = new();
    int _usedSlots;
    uint _generation;
    volatile bool _stopping;
    Thread? _thread;
    int _threadId;

    /// <summary>Makes a loop that does not run yet.</summary>
    /// <param name="time">Clock of the timers; the system's where none is given.</param>
    /// <exception cref="IOException">The process has no descriptor left.</exception>
    public EventLoop(TimeProvider? time = null)
    {
        _time = time ?? TimeProvider.System;
        var descriptor = Interop.Epoll.epoll_create1(Interop.Epoll.EPOLL_CLOEXEC);
        if (descriptor < 0)
        {
            throw Failure("Cannot make an epoll instance", Marshal.GetLastPInvokeError());
        }

        _epoll = new SafeDescriptor(descriptor);
        Register(_wake.Descriptor, ReadyEvents.Readable, new WakeHandler(_wake));
    }

    /// <summary>
    /// Completes when the loop has ended; faulted with the exception of the handler that ended it, after which nothing is served
    /// any more and the process should give up what depended on it.
    /// </summary>
    public Task Completion => _completion.Task;

    /// <summary>Whether the caller is on the loop's thread.</summary>
    public bool IsCurrent => Environment.CurrentManagedThreadId == Volatile.Read(ref _threadId);

    /// <summary>Makes a loop and runs it on a background thread of its own.</summary>
    /// <param name="threadName">Shown in debuggers and <c>ps -L</c>.</param>
    /// <param name="time">Clock of the timers.</param>
    public static EventLoop Start(string threadName, TimeProvider? time = null)
    {
        var loop = new EventLoop(time);
        loop._thread = new Thread(loop.RunToCompletion) { Name = threadName, IsBackground = true };
        loop._threadId = loop._thread.ManagedThreadId;
        loop._thread.Start();
        return loop;
    }

    /// <summary>
    /// Runs the loop on the calling thread until <see cref="Stop"/>. An exception of a handler ends it and comes out here.
    /// </summary>
    public void Run()
    {
        Volatile.Write(ref _threadId, Environment.CurrentManagedThreadId);
        try
        {
            while (!_stopping)
            {
                RunTurn(wait: true);
            }

            _completion.TrySetResult();
        }
        catch (Exception exception)
        {
            _completion.TrySetException(exception);
            throw;
        }
        finally
        {
            Volatile.Write(ref _threadId, 0);
        }
    }

    /// <summary>
    /// Runs posted work, timers and ready descriptors that are due now, once each, and returns without waiting: for a caller that
    /// has a loop of its own, such as a test.
    /// </summary>
    public void RunOnce()
    {
        Volatile.Write(ref _threadId, Environment.CurrentManagedThreadId);
        try
        {
            RunTurn(wait: false);
        }
        finally
        {
            Volatile.Write(ref _threadId, 0);
        }
    }

    /// <summary>Ends the loop after the handler that runs now. From any thread.</summary>
    public void Stop()
    {
        _stopping = true;
        Wake();
    }

    /// <summary>Watches a descriptor.</summary>
    /// <param name="descriptor">Non-blocking; kept open until the registration is disposed.</param>
    /// <param name="interest">What to wait for.</param>
    /// <param name="handler">Called on the loop's thread.</param>
    /// <exception cref="IOException">The descriptor cannot be watched (a regular file), or is watched already.</exception>
    public EventRegistration Register(SafeHandle descriptor, ReadyEvents interest, IReadyHandler handler)
    {
        if (!_freeSlots.TryPop(out var slot))
        {
            slot = _usedSlots++;
            if (slot == _registrations.Length)
            {
                Array.Resize(ref _registrations, slot * 2);
            }
        }

        var registration = new EventRegistration(this, descriptor, handler, slot, ++_generation, interest);
        var referenced = false;
        try
        {
            // Held: the number must not go to another file while epoll knows it.
            descriptor.DangerousAddRef(ref referenced);
            Control(Interop.Epoll.EPOLL_CTL_ADD, descriptor, interest, registration.Token);
        }
        catch
        {
            if (referenced)
            {
                descriptor.DangerousRelease();
            }

            _freeSlots.Push(slot);
            throw;
        }

        _registrations[slot] = registration;
        return registration;
    }

    /// <summary>Ends the loop, waits for its own thread if it has one, and lets go of all descriptors.</summary>
    public void Dispose()
    {
        Stop();
        if (_thread is not null && !IsCurrent)
        {
            _thread.Join();
        }

        for (var slot = 0; slot < _usedSlots; slot++)
        {
            _registrations[slot]?.Dispose();
        }

        _wake.Dispose();
        _epoll.Dispose();
    }

    internal void Control(int operation, SafeHandle descriptor, ReadyEvents interest, ulong token)
    {
        var @event = stackalloc byte[Interop.Epoll.EventSize];
        Unsafe.WriteUnaligned(@event, (uint)interest);
        Unsafe.WriteUnaligned(@event + Interop.Epoll.DataOffset, token);
        if (Interop.Epoll.epoll_ctl(_epoll, operation, descriptor, @event) != 0)
        {
            throw Failure("Cannot watch a descriptor", Marshal.GetLastPInvokeError());
        }
    }

    internal void Remove(EventRegistration registration)
    {
        registration.IsActive = false;
        _registrations[registration.Slot] = null;
        _freeSlots.Push(registration.Slot);
        Interop.Epoll.epoll_ctl(_epoll, Interop.Epoll.EPOLL_CTL_DEL, registration.Descriptor, null);
        registration.Descriptor.DangerousRelease();
    }

    void Wake()
    {
        try
        {
            _wake.Raise();
        }
        catch (ObjectDisposedException)
        {
            // The loop has ended and its owner has let it go; there is nothing to wake.
        }
    }

    void RunTurn(bool wait)
    {
        RunPosted();
        RunTimers();
        if (!_stopping)
        {
            Dispatch(wait ? WaitMilliseconds() : 0);
        }
    }

    void Dispatch(int timeout)
    {
        int count;
        fixed (byte* events = _ready)
        {
            count = Interop.Epoll.epoll_wait(_epoll, events, MaxEventsPerWait, timeout);
        }

        if (count < 0)
        {
            var error = Marshal.GetLastPInvokeError();
            if (error != Interop.Errno.EINTR)
            {
                throw Failure("Cannot wait for descriptors", error);
            }
        }

        for (var i = 0; i < count && !_stopping; i++)
        {
            var @event = _ready.AsSpan(i * Interop.Epoll.EventSize, Interop.Epoll.EventSize);
            var token = BinaryPrimitives.ReadUInt64LittleEndian(@event[Interop.Epoll.DataOffset..]);
            var registration = _registrations[(int)(uint)token];

            // An earlier handler of this batch may have removed it and even put another into its slot.
            if (registration is not null && registration.Token == token)
            {
                registration.Handler.OnReady((ReadyEvents)BinaryPrimitives.ReadUInt32LittleEndian(@event));
            }
        }
    }

    void RunToCompletion()
    {
        try
        {
            Run();
        }
        catch (Exception) when (_completion.Task.IsFaulted)
        {
            // Told through Completion; an exception that leaves a thread would end the process before anybody can react.
        }
    }

    static IOException Failure(string what, int error) => new($"{what}: {new Win32Exception(error).Message}.", new Win32Exception(error));

    sealed class WakeHandler(EventSignal signal) : IReadyHandler
    {
        public void OnReady(ReadyEvents events) => signal.Lower();
    }
}
