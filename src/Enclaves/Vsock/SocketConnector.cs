using System.Runtime.InteropServices;
using NitroEnclaves.Virtio;

namespace NitroEnclaves.Enclaves;

/// <summary>Connects sockets without ever waiting: what cannot be had at once is either under way or refused.</summary>
static unsafe class SocketConnector
{
    // Unsafe because connect(2) takes the address of a struct sockaddr.

    const int MessageBufferSize = 1024 * 1024;

    /// <summary>Makes a socket that does not block; null where the process has no descriptor left.</summary>
    internal static SafeDescriptor? Create(int family, bool keepsMessages = false)
    {
        var descriptor = Interop.UnixSocket.socket(
            family, (keepsMessages ? Interop.UnixSocket.SOCK_SEQPACKET : Interop.UnixSocket.SOCK_STREAM) | Interop.UnixSocket.SOCK_CLOEXEC | Interop.UnixSocket.SOCK_NONBLOCK, 0);
        if (descriptor < 0)
        {
            return null;
        }

        var socket = new SafeDescriptor(descriptor);
        if (keepsMessages)
        {
            // A message goes into the socket's buffer in one piece or not at all. The kernel gives what its limit allows.
            var size = MessageBufferSize;
            Interop.UnixSocket.setsockopt(socket, Interop.UnixSocket.SOL_SOCKET, Interop.UnixSocket.SO_SNDBUF, &size, sizeof(int));
        }

        return socket;
    }

    /// <summary>Begins to connect. The socket is closed where that fails at once.</summary>
    /// <param name="socket">From <see cref="Create"/>.</param>
    /// <param name="address">A <c>struct sockaddr</c> of its family.</param>
    /// <param name="greeting">What the socket must say before the connection stands.</param>
    internal static VsockConnectResult Connect(SafeDescriptor socket, ReadOnlySpan<byte> address, IVsockGreeting? greeting = null)
    {
        int error;
        do
        {
            fixed (byte* start = address)
            {
                error = Interop.UnixSocket.connect(socket, start, (uint)address.Length) == 0 ? 0 : Marshal.GetLastPInvokeError();
            }
        }
        while (error == Interop.UnixSocket.EINTR);
        switch (error)
        {
            case 0 when greeting is null:
                return VsockConnectResult.Connected(socket);
            case 0:
            case Interop.UnixSocket.EINPROGRESS:
                return VsockConnectResult.Pending(socket, greeting);
            default:
                // A full backlog of a Unix socket is EAGAIN: it holds up nobody but its own clients.
                socket.Dispose();
                return VsockConnectResult.Refused;
        }
    }
}
