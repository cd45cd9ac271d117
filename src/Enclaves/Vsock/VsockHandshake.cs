using System.Buffers.Text;
using System.Runtime.InteropServices;
using System.Text;
using NitroEnclaves.Virtio;
using NitroEnclaves.Vsock;

namespace NitroEnclaves.Enclaves;

/// <summary>
/// A program that has connected to the guest's Unix socket, until it has said <c>CONNECT port</c> and the guest has answered. A refusal is a
/// close without a word, as in Firecracker.
/// </summary>
sealed unsafe class VsockHandshake : IReadyHandler, IVsockConnectCompletion
{
    // Unsafe because recv(2) and send(2) take addresses; each is of a span on the stack, with its length.

    // CONNECT 4294967295, some blanks, a carriage return and a line feed.
    const int MaxLine = VsockGreeting.MaxLine;

    readonly VsockUnixServer _server;
    readonly SafeDescriptor _socket;
    EventRegistration? _registration;
    LoopTimer? _timer;

    internal VsockHandshake(VsockUnixServer server, SafeDescriptor socket)
    {
        _server = server;
        _socket = socket;
        Node = new LinkedListNode<VsockHandshake>(this);
    }

    /// <summary>The place among the programs that have said nothing yet.</summary>
    internal LinkedListNode<VsockHandshake> Node { get; }

    /// <summary>
    /// Reads the line if it has come; the bytes behind it stay in the socket, where they belong to the connection. Until the whole line is
    /// there it is only looked at, so no part of it has to be kept.
    /// </summary>
    /// <returns>False where more has to come.</returns>
    internal bool TryComplete()
    {
        Span<byte> line = stackalloc byte[MaxLine];
        int length;
        fixed (byte* start = line)
        {
            length = (int)Interop.UnixSocket.recv(_socket, start, MaxLine, Interop.UnixSocket.MSG_PEEK | Interop.UnixSocket.MSG_DONTWAIT);
            if (length < 0 && Marshal.GetLastPInvokeError() is Interop.UnixSocket.EAGAIN or Interop.UnixSocket.EINTR)
            {
                return false;
            }

            var end = line[..Math.Max(length, 0)].IndexOf((byte)'\n');
            if (end < 0 && length is > 0 and < MaxLine)
            {
                return false;
            }

            if (end < 0 || !TryParse(line[..end], out var port))
            {
                Close();
                return true;
            }

            Interop.UnixSocket.recv(_socket, start, (nuint)(end + 1), Interop.UnixSocket.MSG_DONTWAIT);
            Leave();
            var peer = VsockSocketName.OfPeer(_socket);
            if (peer is { Cid: >= VsockAddress.FirstEnclave and < VsockAddress.Any } && peer.Cid != _server.GuestCid)
            {
                // Another guest, on its way through its own router.
                _server.Connect(_socket, port, this, peer.Cid, peer.Port);
            }
            else
            {
                _server.Connect(_socket, port, this, _server.ParentCid, hostPort: null);
            }

            return true;
        }
    }

    /// <summary>Waits for the line.</summary>
    internal void Await(EventLoop loop, TimeSpan timeout)
    {
        _timer = loop.CreateTimer(Close);
        _timer.Set(timeout);
        try
        {
            _registration = loop.Register(_socket, ReadyEvents.Readable | ReadyEvents.ReadHangUp | ReadyEvents.EdgeTriggered, this);
        }
        catch (IOException)
        {
            Close();
        }
    }

    public void OnReady(ReadyEvents events)
    {
        // A program that will say no more has not said enough.
        if (!TryComplete() && (events & ~ReadyEvents.Readable) != 0)
        {
            Close();
        }
    }

    /// <summary>Ends it without a connection.</summary>
    internal void Close()
    {
        Leave();
        _socket.Dispose();
    }

    public void Connected(SafeDescriptor socket, uint hostPort) => VsockGreeting.Send(socket, hostPort);

    public void Failed(VsockConnectFailure failure)
    {
        // The device has closed the socket, and that is the answer.
    }

    void Leave()
    {
        _timer?.Cancel();
        _registration?.Dispose();
        if (Node.List is not null)
        {
            _server.Remove(this);
        }
    }

    // Lenient as the others are: any case, any blanks, a carriage return.
    static bool TryParse(ReadOnlySpan<byte> line, out uint port)
    {
        port = 0;
        line = line.Trim(" \t\r"u8);
        const int Word = 7;
        if (line.Length <= Word || !Ascii.EqualsIgnoreCase(line[..Word], "CONNECT"u8) || line[Word] is not ((byte)' ' or (byte)'\t'))
        {
            return false;
        }

        var number = line[Word..].TrimStart(" \t"u8);
        return Utf8Parser.TryParse(number, out port, out var consumed) && consumed == number.Length && number[0] is >= (byte)'0' and <= (byte)'9';
    }
}
