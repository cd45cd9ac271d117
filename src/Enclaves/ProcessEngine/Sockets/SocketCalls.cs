using System.Runtime.InteropServices;
using System.Security.Cryptography;
using NitroEnclaves.Virtio;
using NitroEnclaves.Vsock;

namespace NitroEnclaves.Enclaves;

/// <summary>
/// Answers the calls of an enclave's programs on AF_VSOCK sockets (emulation 5). Such a socket is a Unix stream socket of ours in truth:
/// what concerns addresses is answered here, everything else (listen, send, receive, poll, shutdown) the kernel does by itself, at its speed.
/// </summary>
/// <remarks>Acts on the open file that the program's descriptors share, so copies, forks and registrations with epoll stay what they are.</remarks>
sealed unsafe partial class SocketCalls
{
    // Unsafe because socket options are written from the stack by address.

    const uint LastPrivilegedPort = 1023;

    readonly string _enclave;
    readonly uint _cid;
    readonly EnclaveSocketTable _table;
    readonly EnclaveConnections _connections;
    readonly UnixPortConnector[] _parent;
    readonly SocketRelay _relay;
    uint _nextPort = (uint)RandomNumberGenerator.GetInt32((int)LastPrivilegedPort + 1, int.MaxValue);

    /// <param name="enclave">The enclave's id, by which names of sockets are told from another enclave's.</param>
    /// <param name="cid">The enclave's CID.</param>
    /// <param name="table">The sockets.</param>
    /// <param name="connections">Connections from the parent.</param>
    /// <param name="parentPaths">Where the parent's programs listen, <c>_&lt;port&gt;</c> beside each; tried in order.</param>
    /// <param name="relay">Connects to what is no Unix socket of the parent: forwarded ports, other enclaves.</param>
    public SocketCalls(
        string enclave, uint cid, EnclaveSocketTable table, EnclaveConnections connections, IEnumerable<string> parentPaths, SocketRelay relay)
    {
        (_enclave, _cid, _table, _connections, _relay) = (enclave, cid, table, connections, relay);
        _parent = [.. parentPaths.Select(path => new UnixPortConnector(path))];
    }

    /// <summary>socket(AF_VSOCK, type, protocol)</summary>
    public CallAnswer Create(CallListener listener, in InterceptedCall call)
    {
        var type = (int)call.Argument1;
        var kind = type & Interop.EnclaveSocket.SOCK_TYPE_MASK;
        var keepsMessages = kind == Interop.EnclaveSocket.SOCK_SEQPACKET;
        if (kind != Interop.SOCK_STREAM && !keepsMessages)
        {
            // Without a transport for it, Linux has no device for datagrams.
            return CallAnswer.Fail(kind == Interop.EnclaveSocket.SOCK_DGRAM ? Interop.Errno.ENODEV : Interop.Errno.ESOCKTNOSUPPORT);
        }

        const int Flags = Interop.SOCK_CLOEXEC | Interop.UnixSocket.SOCK_NONBLOCK;
        if ((type & ~(Flags | Interop.EnclaveSocket.SOCK_TYPE_MASK)) != 0)
        {
            return CallAnswer.Fail(Interop.Errno.EINVAL);
        }

        if ((int)call.Argument2 is not (0 or Interop.EnclaveSocket.AF_VSOCK))
        {
            return CallAnswer.Fail(Interop.Errno.EPROTONOSUPPORT);
        }

        using var socket = SocketConnector.Create(Interop.AF_UNIX, keepsMessages);
        if (socket is null)
        {
            return CallAnswer.Fail(Marshal.GetLastPInvokeError());
        }

        if ((type & Interop.UnixSocket.SOCK_NONBLOCK) == 0)
        {
            _ = Interop.fcntl(socket, Interop.EnclaveSocket.F_SETFL, 0);
        }

        _table.Add(socket, keepsMessages);
        return listener.AddDescriptor(call, socket, (type & Interop.SOCK_CLOEXEC) != 0);
    }

    /// <summary>bind(socket, address, length)</summary>
    public CallAnswer Bind(CallListener listener, in InterceptedCall call)
    {
        using var socket = Open(listener, call, out var state, out var answer);
        if (socket is null)
        {
            return answer;
        }

        if (VsockSocketAddress.Read(call.Thread, call.Argument1, call.Argument2, out var address) is var error and not 0)
        {
            return CallAnswer.Fail(error);
        }

        if (address.Cid != VsockAddress.Any && address.Cid != _cid)
        {
            return CallAnswer.Fail(Interop.Errno.EADDRNOTAVAIL);
        }

        if (address.Port <= LastPrivilegedPort && !TargetProcess.HasCapability(call.Thread, TargetProcess.NetBindService))
        {
            return CallAnswer.Fail(Interop.Errno.EACCES);
        }

        lock (state)
        {
            if (state.IsNamed)
            {
                return CallAnswer.Fail(Interop.Errno.EINVAL);
            }

            var isAny = address.Port == VsockAddress.AnyPort;
            var port = isAny ? NextPort() : address.Port;
            while ((error = AbstractSocketName.Bind(socket, _enclave, 'p', port)) == Interop.Errno.EADDRINUSE && isAny)
            {
                port = NextPort();
            }

            if (error != 0)
            {
                return CallAnswer.Fail(error);
            }

            (state.Local, state.IsNamed) = (new VsockEndPoint(address.Cid, port), true);
            return CallAnswer.Return(0);
        }
    }

    /// <summary>connect(socket, address, length)</summary>
    public CallAnswer Connect(CallListener listener, in InterceptedCall call)
    {
        using var socket = Open(listener, call, out var state, out var answer);
        if (socket is null)
        {
            return answer;
        }

        if (VsockSocketAddress.Read(call.Thread, call.Argument1, call.Argument2, out var address) is var error and not 0)
        {
            return CallAnswer.Fail(error);
        }

        if (address.Cid == _cid)
        {
            // Linux leads it to a loopback transport, which enclaves do not have.
            return CallAnswer.Fail(Interop.Errno.ENODEV);
        }

        if (!_relay.Leads(address, state.KeepsMessages))
        {
            lock (state)
            {
                return state.Remote is null ? Connect(socket, state, address, TryParent) : CallAnswer.Fail(Interop.Errno.EISCONN);
            }
        }

        // May take until somebody far away has answered: the program waits, and none of the threads that answer calls.
        var (waiting, lent) = (call, new SafeDescriptor(Interop.fcntl(socket, Interop.F_DUPFD_CLOEXEC, 0)));
        new Thread(() =>
        {
            CallAnswer connected;
            using (lent)
            {
                lock (state)
                {
                    connected = state.Remote is null ? Connect(lent, state, address, TryRelay) : CallAnswer.Fail(Interop.Errno.EISCONN);
                }
            }

            listener.Answer(waiting, connected);
        })
        { Name = "enclave connect", IsBackground = true }.Start();
        return CallAnswer.Taken;
    }

    /// <summary>accept(socket, address, length) and accept4 with flags</summary>
    public CallAnswer Accept(CallListener listener, in InterceptedCall call, int flags) => _connections.Accept(listener, call, flags);

    /// <summary>ioctl(descriptor, IOCTL_VM_SOCKETS_GET_LOCAL_CID, address)</summary>
    public CallAnswer GetLocalCid(CallListener listener, in InterceptedCall call)
    {
        return !listener.IsWaiting(call) ? CallAnswer.Taken : TargetProcess.TryWrite(call.Thread, call.Argument2, MemoryMarshal.AsBytes(new ReadOnlySpan<uint>(in _cid)))
            ? CallAnswer.Return(0)
            : CallAnswer.Fail(Interop.Errno.EFAULT);
    }

    delegate bool Attempt(SafeDescriptor socket, EnclaveSocketState state, in VsockConnectRequest request);

    CallAnswer Connect(SafeDescriptor socket, EnclaveSocketState state, VsockEndPoint address, Attempt attempt)
    {
        var flags = Interop.fcntl(socket, Interop.EnclaveSocket.F_GETFL, 0);
        var isNonBlocking = (flags & Interop.EnclaveSocket.O_NONBLOCK) != 0;
        if (!isNonBlocking)
        {
            // A listener with a full backlog counts as one that refuses; waiting for it would hold up us, not only the program.
            _ = Interop.fcntl(socket, Interop.EnclaveSocket.F_SETFL, flags | Interop.EnclaveSocket.O_NONBLOCK);
        }

        var port = state.IsNamed ? state.Local.Port : NextPort();
        var request = new VsockConnectRequest(_cid, port, address.Cid, address.Port) { KeepsMessages = state.KeepsMessages };
        var isConnected = attempt(socket, state, request);
        if (!isNonBlocking)
        {
            _ = Interop.fcntl(socket, Interop.EnclaveSocket.F_SETFL, flags);
        }

        if (isConnected)
        {
            (state.Local, state.Remote) = (new VsockEndPoint(state.Local.Cid, port), address);
            return CallAnswer.Return(0);
        }

        if (!isNonBlocking)
        {
            return CallAnswer.Fail(Interop.Errno.ECONNRESET);
        }

        state.PendingError = Interop.Errno.ECONNRESET;
        return CallAnswer.Fail(Interop.Errno.EINPROGRESS);
    }

    // On a thread of its own, which no exception may leave: what the other end, or the lack of descriptors, makes of it is a refusal.
    bool TryRelay(SafeDescriptor socket, EnclaveSocketState state, in VsockConnectRequest request)
    {
        try
        {
            return _relay.TryConnect(socket, state, request);
        }
        catch (Exception exception) when (exception is IOException or System.Net.Sockets.SocketException or UnauthorizedAccessException or EnclaveException)
        {
            return false;
        }
    }

    bool TryParent(SafeDescriptor socket, EnclaveSocketState state, in VsockConnectRequest request)
    {
        if (request.Cid is not (VsockAddress.Host or VsockAddress.NitroParent))
        {
            return false;
        }

        foreach (var connector in _parent)
        {
            var isConnected = connector.TryConnect(socket, request, state.IsNamed);
            if (!state.IsNamed)
            {
                (state.IsNamed, state.Local) = (true, new VsockEndPoint(state.Local.Cid, request.GuestPort));
            }

            if (isConnected)
            {
                return true;
            }
        }

        return false;
    }

    // Our copy of the program's descriptor, where it is one of the enclave's sockets; else the answer to the call.
    SafeDescriptor? Open(CallListener listener, in InterceptedCall call, out EnclaveSocketState state, out CallAnswer answer)
    {
        state = null!;
        var socket = TargetProcess.TryGetDescriptor(call.Thread, call.Descriptor, out var error);
        if (socket is null)
        {
            answer = CallAnswer.Fail(error);
            return null;
        }

        if (!listener.IsWaiting(call))
        {
            answer = CallAnswer.Taken;
        }
        else if (_table.Find(socket) is { } known)
        {
            state = known;
            answer = default;
            return socket;
        }
        else
        {
            answer = CallAnswer.Continue;
        }

        socket.Dispose();
        return null;
    }

    uint NextPort()
    {
        while (true)
        {
            var port = Interlocked.Increment(ref _nextPort);
            if (port is > LastPrivilegedPort and not VsockAddress.AnyPort)
            {
                return port;
            }
        }
    }
}
