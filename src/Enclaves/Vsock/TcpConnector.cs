using System.Net;
using System.Net.Sockets;
using NitroEnclaves.Virtio;

namespace NitroEnclaves.Enclaves;

/// <summary>Connects a guest's requests for certain ports to TCP ports: forwards out of the guest.</summary>
sealed unsafe class TcpConnector : IVsockBackend
{
    // Unsafe because setsockopt(2) takes the address of an int, here on the stack.

    const int AF_INET = 2;
    const int AF_INET6 = 10;

    readonly Dictionary<uint, byte[]> _addresses;

    /// <param name="forwards">Forwards out of the guest; of several for one port the last one counts.</param>
    internal TcpConnector(IEnumerable<VsockForward> forwards)
    {
        _addresses = [];
        foreach (var forward in forwards)
        {
            // .NET keeps the native form: struct sockaddr_in or sockaddr_in6.
            var address = forward.Tcp.Serialize();
            _addresses[forward.VsockPort] = address.Buffer[..address.Size].ToArray();
        }
    }

    public VsockConnectResult Connect(in VsockConnectRequest request) =>
        _addresses.TryGetValue(request.Port, out var address)
        && SocketConnector.Create(address.Length > 16 ? AF_INET6 : AF_INET) is { } socket
            ? SocketConnector.Connect(WithoutDelay(socket), address)
            : VsockConnectResult.Refused;

    /// <summary>A port of this machine that leads into the guest.</summary>
    /// <exception cref="IOException">The address is taken or not ours.</exception>
    internal static Socket Listen(IPEndPoint address)
    {
        var socket = new Socket(address.AddressFamily, SocketType.Stream, ProtocolType.Tcp) { Blocking = false };
        try
        {
            // As servers do: the port of an enclave that has just ended is free again.
            socket.SetSocketOption(SocketOptionLevel.Socket, SocketOptionName.ReuseAddress, true);
            socket.Bind(address);
            socket.Listen(1024);
            return socket;
        }
        catch (SocketException exception)
        {
            socket.Dispose();
            throw new IOException($"Cannot listen at tcp:{address}: {exception.Message}", exception);
        }
    }

    /// <summary>Small packets go out at once: the guest's packets have sizes of their own already.</summary>
    internal static SafeDescriptor WithoutDelay(SafeDescriptor socket)
    {
        const int IPPROTO_TCP = 6;
        const int TCP_NODELAY = 1;
        var on = 1;
        Interop.UnixSocket.setsockopt(socket, IPPROTO_TCP, TCP_NODELAY, &on, sizeof(int));
        return socket;
    }
}
