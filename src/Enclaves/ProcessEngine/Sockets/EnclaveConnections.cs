using System.Runtime.InteropServices;
using NitroEnclaves.Virtio;
using NitroEnclaves.Vsock;

namespace NitroEnclaves.Enclaves;

/// <summary>
/// Connections from the parent to programs in the enclave: from the moment the parent asks for one until a program has accepted it, and
/// programs that wait for one to accept.
/// </summary>
sealed unsafe class EnclaveConnections : IDisposable
{
    // Unsafe because accept4(2) and getsockopt(2) take addresses; those that are used are on the stack.

    const uint FirstHostPort = 1 << 30;
    const int CloseOnExec = Interop.SOCK_CLOEXEC;

    // Waiting calls cannot be interrupted by the kernel any more: that often we look whether their thread has a signal to handle.
    static readonly TimeSpan s_signalCheck = TimeSpan.FromMilliseconds(20);

    readonly string _enclave;
    readonly uint _cid;
    readonly EventLoop _loop;
    readonly EnclaveSocketTable _table;
    readonly LoopTimer _timer;
    readonly Lock _lock = new();
    readonly Dictionary<uint, WaitingConnection> _waiting = [];
    readonly List<ParkedAccept> _parked = [];
    uint _number;

    public EnclaveConnections(string enclave, uint cid, EventLoop loop, EnclaveSocketTable table)
    {
        (_enclave, _cid, _loop, _table) = (enclave, cid, loop, table);
        _timer = loop.CreateTimer(CheckParked);
    }

    /// <summary>Connects a client of the parent to a program's listening socket; on the loop's thread.</summary>
    public void Connect(SafeDescriptor client, uint port, IVsockConnectCompletion completion, uint hostCid, uint? hostPort)
    {
        var standIn = new SafeDescriptor(Interop.UnixSocket.socket(
            Interop.UnixSocket.AF_UNIX, Interop.UnixSocket.SOCK_STREAM | CloseOnExec | Interop.UnixSocket.SOCK_NONBLOCK, 0));
        lock (_lock)
        {
            var number = ++_number;
            if (standIn.IsInvalid || AbstractSocketName.Bind(standIn, _enclave, 'c', number) != 0
                || AbstractSocketName.Connect(standIn, _enclave, 'p', port) != 0)
            {
                standIn.Dispose();
                client.Dispose();
                completion.Failed(VsockConnectFailure.Refused);
                return;
            }

            // What is said to the client comes before anything that the program sends, which cannot accept before we let go of the lock.
            var connection = new WaitingConnection(this, number, client, standIn, new VsockEndPoint(hostCid, hostPort ?? FirstHostPort + number));
            completion.Connected(client, connection.Remote.Port);
            _waiting.Add(number, connection);
            connection.Watch(_loop);
            ServeParked(onlyChecked: false);
        }
    }

    /// <summary>Answers an accept: with a connection that waits, or with an error; else the call waits for one.</summary>
    public CallAnswer Accept(CallListener listener, in InterceptedCall call, int flags)
    {
        const int Known = CloseOnExec | Interop.UnixSocket.SOCK_NONBLOCK;
        if ((flags & ~Known) != 0)
        {
            return CallAnswer.Fail(Interop.Errno.EINVAL);
        }

        lock (_lock)
        {
            if (TryAccept(listener, call, flags, out var timeout) is { } answer)
            {
                return answer;
            }

            _parked.Add(new ParkedAccept(listener, call, flags, timeout is { } limit ? Environment.TickCount64 + (long)limit.TotalMilliseconds : null));
            if (_parked.Count == 1)
            {
                _loop.Post(() => _timer.Set(s_signalCheck));
            }

            return CallAnswer.Taken;
        }
    }

    /// <summary>Takes a connection out of those that wait; false where it is none of them any more.</summary>
    public bool Forget(WaitingConnection connection)
    {
        lock (_lock)
        {
            return _waiting.Remove(connection.Number);
        }
    }

    /// <summary>Closes what waits; on the loop's thread.</summary>
    public void Dispose()
    {
        _timer.Cancel();
        lock (_lock)
        {
            foreach (var connection in _waiting.Values)
            {
                connection.Close();
            }

            _waiting.Clear();
            _parked.Clear();
        }
    }

    void CheckParked()
    {
        lock (_lock)
        {
            ServeParked(onlyChecked: true);
            if (_parked.Count > 0)
            {
                _timer.Set(s_signalCheck);
            }
        }
    }

    void ServeParked(bool onlyChecked)
    {
        for (var index = 0; index < _parked.Count; index++)
        {
            var (listener, call, flags, deadline) = _parked[index];
            if (!listener.IsWaiting(call))
            {
                _parked.RemoveAt(index--);
                continue;
            }

            var answer = TryAccept(listener, call, flags, out _);
            if (answer is null && onlyChecked)
            {
                answer = TargetProcess.HasCaughtSignal(call.Thread) ? CallAnswer.Fail(Interop.Errno.ERESTARTSYS)
                    : deadline <= Environment.TickCount64 ? CallAnswer.Fail(Interop.Errno.EAGAIN)
                    : null;
            }

            if (answer is { } final)
            {
                listener.Answer(call, final);
                _parked.RemoveAt(index--);
            }
        }
    }

    // Null where the call has to wait.
    CallAnswer? TryAccept(CallListener listener, in InterceptedCall call, int flags, out TimeSpan? timeout)
    {
        timeout = null;
        using var socket = TargetProcess.TryGetDescriptor(call.Thread, call.Descriptor, out var error);
        if (socket is null)
        {
            return CallAnswer.Fail(error);
        }

        if (!listener.IsWaiting(call))
        {
            // The thread is gone, and what was opened by its number is another's.
            return CallAnswer.Taken;
        }

        if (_table.Find(socket) is not { } state)
        {
            return CallAnswer.Continue;
        }

        while (true)
        {
            // Looked at before: accept(2) of a blocking socket would block us. Nobody but us, under the lock, accepts from it.
            if (!DescriptorPoll.Await(socket, Interop.POLLIN, TimeSpan.Zero))
            {
                if ((Interop.fcntl(socket, Interop.EnclaveSocket.F_GETFL, 0) & Interop.EnclaveSocket.O_NONBLOCK) != 0)
                {
                    return CallAnswer.Fail(Interop.Errno.EAGAIN);
                }

                timeout = ReceiveTimeout(socket);
                return null;
            }

            using var accepted = new SafeDescriptor(Interop.UnixSocket.accept4(socket, null, null, CloseOnExec));
            if (accepted.IsInvalid)
            {
                return CallAnswer.Fail(Marshal.GetLastPInvokeError());
            }

            if (AbstractSocketName.NumberOfPeer(accepted, _enclave, 'c') is { } number && _waiting.Remove(number, out var connection))
            {
                using (connection.Client)
                {
                    return HandOver(listener, call, flags, state, connection);
                }
            }
        }
    }

    CallAnswer HandOver(CallListener listener, in InterceptedCall call, int flags, EnclaveSocketState listening, WaitingConnection connection)
    {
        if (VsockSocketAddress.Write(call.Thread, connection.Remote, call.Argument1, call.Argument2) is var error and not 0)
        {
            return CallAnswer.Fail(error);
        }

        var isNonBlocking = (flags & Interop.UnixSocket.SOCK_NONBLOCK) != 0;
        _ = Interop.fcntl(connection.Client, Interop.EnclaveSocket.F_SETFL, isNonBlocking ? Interop.EnclaveSocket.O_NONBLOCK : 0);
        var state = _table.Add(connection.Client);
        lock (state)
        {
            (state.Local, state.Remote, state.IsNamed) = (new VsockEndPoint(_cid, listening.Local.Port), connection.Remote, true);
        }

        return listener.AddDescriptor(call, connection.Client, (flags & CloseOnExec) != 0);
    }

    static TimeSpan? ReceiveTimeout(SafeDescriptor socket)
    {
        // struct timeval
        var time = stackalloc long[2];
        var length = (uint)(2 * sizeof(long));
        return Interop.EnclaveSocket.getsockopt(socket, Interop.SOL_SOCKET, Interop.EnclaveSocket.SO_RCVTIMEO, time, &length) == 0
            && (time[0] | time[1]) != 0
            ? TimeSpan.FromSeconds(time[0]) + TimeSpan.FromMicroseconds(time[1])
            : null;
    }
}
