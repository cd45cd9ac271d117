using System.Net.Sockets;
using NitroEnclaves.Virtio;
using NitroEnclaves.Vsock;

namespace NitroEnclaves.Enclaves;

/// <summary>
/// Connects a program's socket, which is a Unix socket whose open file nobody can replace, to what is none: TCP ports that are forwarded out
/// of the enclave, and other enclaves behind their handshake. The socket is connected to one of ours, and what comes is carried on.
/// </summary>
sealed unsafe class SocketRelay
{
    // Unsafe because getsockopt(2) takes addresses of numbers on the stack.

    static readonly TimeSpan s_patience = TimeSpan.FromSeconds(2);

    readonly string _enclave;
    readonly HashSet<uint> _ports;
    readonly TcpConnector _tcp;
    readonly UnixPeerConnector? _peers;
    uint _number;

    /// <param name="enclave">The enclave's id.</param>
    /// <param name="forwards">Of these, those that lead out of the enclave.</param>
    /// <param name="peerPath">The Unix socket of the enclave with a CID, null for one that may not be reached; null where none may.</param>
    public SocketRelay(string enclave, IReadOnlyList<VsockForward> forwards, Func<uint, string?>? peerPath)
    {
        _enclave = enclave;
        var outward = forwards.Where(forward => !forward.ToGuest).ToArray();
        _ports = [.. outward.Select(forward => forward.VsockPort)];
        _tcp = new TcpConnector(outward);
        _peers = peerPath is null ? null : new UnixPeerConnector(peerPath);
    }

    /// <summary>Whether an address is the relay's business.</summary>
    public bool Leads(VsockEndPoint address, bool keepsMessages) => !keepsMessages
        && (address.Cid is VsockAddress.Host or VsockAddress.NitroParent ? _ports.Contains(address.Port) : _peers is not null && address.Cid != VsockAddress.Local);

    /// <summary>Connects; waits for the other end's answer, some seconds at most.</summary>
    /// <param name="socket">The program's socket, which does not block now.</param>
    /// <param name="state">What it is.</param>
    /// <param name="request">Who asks for what.</param>
    public bool TryConnect(SafeDescriptor socket, EnclaveSocketState state, in VsockConnectRequest request)
    {
        IVsockBackend backend = request.Cid is VsockAddress.Host or VsockAddress.NitroParent ? _tcp : _peers!;
        var result = backend.Connect(request);
        if (result.Socket is not { } target)
        {
            return false;
        }

        if ((result.IsPending && !Await(target, result.Greeting)) || ConnectToOurs(socket) is not { } ours)
        {
            target.Dispose();
            return false;
        }

        _ = StreamCarrier.CarryAsync(ours, new Socket(new SafeSocketHandle((int)target.DangerousGetHandle(), ownsHandle: true)));
        target.SetHandleAsInvalid();
        return true;
    }

    static bool Await(SafeDescriptor target, IVsockGreeting? greeting)
    {
        var deadline = Environment.TickCount64 + (long)s_patience.TotalMilliseconds;
        int error = 0;
        uint length = sizeof(int);
        if (!DescriptorPoll.Await(target, Interop.EnclaveSocket.POLLOUT, s_patience)
            || Interop.EnclaveSocket.getsockopt(target, Interop.SOL_SOCKET, Interop.EnclaveSocket.SO_ERROR, &error, &length) != 0 || error != 0)
        {
            return false;
        }

        while (greeting is not null)
        {
            switch (greeting.Read(target))
            {
                case VsockGreetingState.Granted:
                    return true;
                case VsockGreetingState.Refused:
                    return false;
            }

            var left = deadline - Environment.TickCount64;
            if (left <= 0 || !DescriptorPoll.Await(target, Interop.POLLIN, TimeSpan.FromMilliseconds(left)))
            {
                return false;
            }
        }

        return true;
    }

    // Nobody else knows the name, and it is gone with the listener.
    Socket? ConnectToOurs(SafeDescriptor socket)
    {
        var number = Interlocked.Increment(ref _number);
        using var listener = SocketConnector.Create(Interop.AF_UNIX);
        if (listener is null || AbstractSocketName.Bind(listener, _enclave, 'r', number) != 0 || Interop.UnixSocket.listen(listener, 1) != 0
            || AbstractSocketName.Connect(socket, _enclave, 'r', number) != 0)
        {
            return null;
        }

        var accepted = Interop.UnixSocket.accept4(listener, null, null, Interop.SOCK_CLOEXEC);
        return accepted < 0 ? null : new Socket(new SafeSocketHandle(accepted, ownsHandle: true));
    }
}
