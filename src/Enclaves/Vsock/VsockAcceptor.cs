using System.Net.Sockets;
using System.Runtime.InteropServices;
using NitroEnclaves.Virtio;

namespace NitroEnclaves.Enclaves;

/// <summary>
/// Accepts connections on the event loop. A flood of them gets its share of a turn and no more, and with no descriptor left programs wait
/// in the backlog while the loop does other things.
/// </summary>
sealed class VsockAcceptor : IReadyHandler, IDisposable
{
    const int AcceptsPerTurn = 64;
    static readonly TimeSpan RetryDelay = TimeSpan.FromMilliseconds(100);

    readonly SafeHandle _socket;
    readonly Action<SafeDescriptor> _accepted;
    readonly LoopTimer _retry;
    EventRegistration? _registration;

    VsockAcceptor(EventLoop loop, SafeHandle socket, Action<SafeDescriptor> accepted)
    {
        _socket = socket;
        _accepted = accepted;
        _retry = loop.CreateTimer(() => _registration?.Modify(ReadyEvents.Readable));
    }

    /// <summary>Starts accepting. From any thread.</summary>
    /// <param name="loop">The loop on which connections arrive.</param>
    /// <param name="socket">A listening socket that does not block; owned.</param>
    /// <param name="accepted">Takes each connection over, on the loop's thread.</param>
    internal static VsockAcceptor Start(EventLoop loop, SafeHandle socket, Action<SafeDescriptor> accepted)
    {
        var acceptor = new VsockAcceptor(loop, socket, accepted);
        loop.Invoke(() => acceptor._registration = loop.Register(socket, ReadyEvents.Readable, acceptor));
        return acceptor;
    }

    public void OnReady(ReadyEvents events)
    {
        for (var turn = 0; turn < AcceptsPerTurn; turn++)
        {
            var client = Accept();
            if (!client.IsInvalid)
            {
                _accepted(client);
                continue;
            }

            switch (Marshal.GetLastPInvokeError())
            {
                case Interop.UnixSocket.EAGAIN:
                    return;
                case Interop.UnixSocket.EINTR:
                case Interop.UnixSocket.ECONNABORTED:
                    continue;
                default:
                    _registration!.Modify(ReadyEvents.None);
                    _retry.Set(RetryDelay);
                    return;
            }
        }
    }

    /// <summary>Stops listening. On the loop's thread.</summary>
    public void Dispose()
    {
        _retry.Cancel();
        _registration?.Dispose();
        _registration = null;
        _socket.Dispose();
    }

    // Unsafe because the address, which is not wanted, is passed as a null pointer.
    unsafe SafeDescriptor Accept() =>
        new(Interop.UnixSocket.accept4(_socket, null, null, Interop.UnixSocket.SOCK_CLOEXEC | Interop.UnixSocket.SOCK_NONBLOCK));
}
