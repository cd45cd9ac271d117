using System.Runtime.InteropServices;

namespace NitroEnclaves.Virtio;

/// <summary>The system calls on a connection's host socket. Each moves bytes between the socket and segments without a copy in between.</summary>
static unsafe class VsockHostSocket
{
    // Unsafe because the calls scatter and gather over guest memory; GuestSegment says why that is sound.

    /// <summary>Sends what the socket takes without waiting.</summary>
    /// <param name="socket">A connected stream socket.</param>
    /// <param name="segments">Pinned or native memory, at most <see cref="Interop.Uio.IOV_MAX"/> segments.</param>
    /// <param name="error">0, or the error number.</param>
    /// <returns>Bytes sent, or -1.</returns>
    internal static int Send(SafeDescriptor socket, ReadOnlySpan<GuestSegment> segments, out int error)
    {
        fixed (GuestSegment* first = segments)
        {
            var message = new Interop.Socket.msghdr { msg_iov = (Interop.Socket.iovec*)first, msg_iovlen = (nuint)segments.Length };
            nint sent;
            do
            {
                // Without MSG_NOSIGNAL a host program that hangs up would send this process SIGPIPE.
                sent = Interop.Socket.sendmsg(socket, &message, Interop.Socket.MSG_DONTWAIT | Interop.Socket.MSG_NOSIGNAL);
                error = sent < 0 ? Marshal.GetLastPInvokeError() : 0;
            }
            while (error == Interop.Errno.EINTR);
            return (int)sent;
        }
    }

    /// <summary>Receives what is there.</summary>
    /// <inheritdoc cref="Send"/>
    /// <returns>Bytes received, 0 at the end of the stream, or -1.</returns>
    internal static int Receive(SafeDescriptor socket, ReadOnlySpan<GuestSegment> segments, out int error)
    {
        fixed (GuestSegment* first = segments)
        {
            // Without a control buffer the kernel closes descriptors that a host program sends along.
            var message = new Interop.Socket.msghdr { msg_iov = (Interop.Socket.iovec*)first, msg_iovlen = (nuint)segments.Length };
            nint received;
            do
            {
                received = Interop.Socket.recvmsg(socket, &message, Interop.Socket.MSG_DONTWAIT);
                error = received < 0 ? Marshal.GetLastPInvokeError() : 0;
            }
            while (error == Interop.Errno.EINTR);
            return (int)received;
        }
    }

    /// <summary>The length of the next message of a SOCK_SEQPACKET socket, which stays there.</summary>
    /// <param name="socket">The socket.</param>
    /// <param name="error">0, or the error number.</param>
    /// <returns>Bytes, 0 at the end (or for a message of none, which nobody tells apart), or -1.</returns>
    internal static int PeekMessage(SafeDescriptor socket, out int error)
    {
        var message = default(Interop.Socket.msghdr);
        nint length;
        do
        {
            length = Interop.Socket.recvmsg(socket, &message, Interop.Socket.MSG_DONTWAIT | Interop.Socket.MSG_PEEK | Interop.Socket.MSG_TRUNC);
            error = length < 0 ? Marshal.GetLastPInvokeError() : 0;
        }
        while (error == Interop.Errno.EINTR);
        return (int)length;
    }

    /// <summary>Receives a message whose length is known.</summary>
    internal static int ReceiveMessage(SafeDescriptor socket, Span<byte> destination)
    {
        fixed (byte* start = destination)
        {
            return Receive(socket, [new GuestSegment(start, destination.Length)], out _);
        }
    }

    /// <summary>Ends the direction towards the host program: it reads to the end of the stream.</summary>
    internal static void EndSending(SafeDescriptor socket) => Interop.Socket.shutdown(socket, Interop.Socket.SHUT_WR);

    /// <summary>Ends the direction from the host program: its writes fail.</summary>
    internal static void EndReceiving(SafeDescriptor socket) => Interop.Socket.shutdown(socket, Interop.Socket.SHUT_RD);

    /// <summary>Whether the host program has closed the socket altogether, and not just one direction.</summary>
    internal static bool IsHungUp(SafeDescriptor socket)
    {
        // The handle is open: its connection owns it, on this thread.
        var entry = new Interop.Socket.pollfd { fd = (int)socket.DangerousGetHandle() };
        return Interop.Socket.poll(&entry, 1, 0) > 0 && (entry.revents & (Interop.Socket.POLLHUP | Interop.Socket.POLLERR)) != 0;
    }

    /// <summary>The outcome of a connect that was under way: 0, or the error number.</summary>
    internal static int TakeError(SafeDescriptor socket)
    {
        int error;
        uint length = sizeof(int);
        return Interop.Socket.getsockopt(socket, Interop.Socket.SOL_SOCKET, Interop.Socket.SO_ERROR, &error, &length) == 0
            ? error
            : Marshal.GetLastPInvokeError();
    }
}
