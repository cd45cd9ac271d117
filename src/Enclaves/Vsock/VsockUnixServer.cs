using System.Net.Sockets;
using System.Runtime.InteropServices;
using NitroEnclaves.Virtio;

namespace NitroEnclaves.Enclaves;

/// <summary>
/// The Unix socket through which programs reach the guest. Lives on the event loop: nothing here waits for a program, and one that connects
/// and says nothing costs a descriptor for as long as the time-out lasts.
/// </summary>
sealed class VsockUnixServer : IReadyHandler, IDisposable
{
    const int Backlog = 1024;
    const int AcceptsPerTurn = 64;
    static readonly TimeSpan AcceptRetryDelay = TimeSpan.FromMilliseconds(100);

    readonly EventLoop _loop;
    readonly Socket _socket;
    readonly VsockRouterOptions _options;
    readonly LinkedList<VsockHandshake> _handshakes = [];
    readonly LoopTimer _retry;
    EventRegistration? _registration;

    VsockUnixServer(EventLoop loop, VsockVirtioDevice device, Socket socket, VsockRouterOptions options)
    {
        _loop = loop;
        _socket = socket;
        _options = options;
        Device = device;
        _retry = loop.CreateTimer(() => _registration?.Modify(ReadyEvents.Readable));
    }

    internal VsockVirtioDevice Device { get; }

    internal static VsockUnixServer Listen(EventLoop loop, VsockVirtioDevice device, string path, VsockRouterOptions options)
    {
        var server = new VsockUnixServer(loop, device, UnixListener.Bind(path, Backlog), options);
        loop.Invoke(() => server._registration = loop.Register(server._socket.SafeHandle, ReadyEvents.Readable, server));
        return server;
    }

    public void OnReady(ReadyEvents events)
    {
        for (var turn = 0; turn < AcceptsPerTurn; turn++)
        {
            var client = Accept();
            if (!client.IsInvalid)
            {
                Begin(client);
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
                    // No descriptor is left: programs wait in the backlog, and the loop does not spin over them.
                    _registration!.Modify(ReadyEvents.None);
                    _retry.Set(AcceptRetryDelay);
                    return;
            }
        }
    }

    internal void Remove(VsockHandshake handshake) => _handshakes.Remove(handshake.Node);

    public void Dispose()
    {
        _retry.Cancel();
        _registration?.Dispose();
        _socket.Dispose();
        while (_handshakes.First is { } first)
        {
            first.Value.Close();
        }
    }

    void Begin(SafeDescriptor client)
    {
        var handshake = new VsockHandshake(this, client);
        if (handshake.TryComplete())
        {
            return;
        }

        if (_handshakes.Count == _options.MaxHandshakes)
        {
            _handshakes.First!.Value.Close();
        }

        _handshakes.AddLast(handshake.Node);
        handshake.Await(_loop, _options.HandshakeTimeout);
    }

    // Unsafe because the address, which is not wanted, is passed as a null pointer.
    unsafe SafeDescriptor Accept() => new(Interop.UnixSocket.accept4(
        _socket.SafeHandle, null, null, Interop.UnixSocket.SOCK_CLOEXEC | Interop.UnixSocket.SOCK_NONBLOCK));
}
