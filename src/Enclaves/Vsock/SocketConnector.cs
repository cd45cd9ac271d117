using System.Runtime.InteropServices;
using NitroEnclaves.Virtio;

namespace NitroEnclaves.Enclaves;

/// <summary>Connects sockets without ever waiting: what cannot be had at once is either under way or refused.</summary>
static unsafe class SocketConnector
{
    // Unsafe because connect(2) takes the address of a struct sockaddr.

    /// <summary>Makes a stream socket that does not block; null where the process has no descriptor left.</summary>
    internal static SafeDescriptor? Create(int family)
    {
        var descriptor = Interop.UnixSocket.socket(
            family, Interop.UnixSocket.SOCK_STREAM | Interop.UnixSocket.SOCK_CLOEXEC | Interop.UnixSocket.SOCK_NONBLOCK, 0);
        return descriptor < 0 ? null : new SafeDescriptor(descriptor);
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
