using System.Net.Sockets;
using NitroEnclaves.Virtio;

namespace NitroEnclaves.Enclaves;

/// <summary>
/// The Unix socket through which programs reach the guest. Lives on the event loop: nothing here waits for a program, and one that connects
/// and says nothing costs a descriptor for as long as the time-out lasts.
/// </summary>
sealed class VsockUnixServer : IDisposable
{
    const int Backlog = 1024;

    readonly EventLoop _loop;
    readonly Socket _socket;
    readonly VsockRouterOptions _options;
    readonly LinkedList<VsockHandshake> _handshakes = [];
    VsockAcceptor? _acceptor;

    VsockUnixServer(EventLoop loop, VsockGuestConnect connect, Socket socket, VsockRouterOptions options)
    {
        _loop = loop;
        _socket = socket;
        _options = options;
        Connect = connect;
    }

    /// <summary>Connects a program that has said where to.</summary>
    internal VsockGuestConnect Connect { get; }

    /// <summary>The guest's CID.</summary>
    internal uint GuestCid => _options.GuestCid;

    /// <summary>The CID from which programs come in the guest's eyes.</summary>
    internal uint ParentCid => _options.ParentCid;

    internal static VsockUnixServer Listen(EventLoop loop, VsockGuestConnect connect, string path, VsockRouterOptions options)
    {
        var server = new VsockUnixServer(loop, connect, UnixListener.Bind(path, Backlog), options);
        server._acceptor = VsockAcceptor.Start(loop, server._socket.SafeHandle, server.Begin);
        return server;
    }

    internal void Remove(VsockHandshake handshake) => _handshakes.Remove(handshake.Node);

    public void Dispose()
    {
        _acceptor?.Dispose();
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
}
