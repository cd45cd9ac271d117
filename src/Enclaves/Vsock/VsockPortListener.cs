using System.Net.Sockets;
using System.Threading.Channels;
using NitroEnclaves.Virtio;
using NitroEnclaves.Vsock;

namespace NitroEnclaves.Enclaves;

/// <summary>Accepts a guest's connections to one port of the parent in this process; made by <see cref="VsockRouter.Listen"/>.</summary>
public sealed class VsockPortListener : IDisposable
{
    readonly VsockRouter _router;
    readonly uint _guestCid;
    readonly Channel<(SafeSocketHandle Socket, uint GuestPort)> _waiting;

    internal VsockPortListener(VsockRouter router, uint guestCid, uint port, int backlog)
    {
        ArgumentOutOfRangeException.ThrowIfLessThan(backlog, 1);
        _router = router;
        _guestCid = guestCid;
        Port = port;
        _waiting = Channel.CreateBounded<(SafeSocketHandle, uint)>(backlog);
    }

    /// <summary>The port.</summary>
    public uint Port { get; }

    /// <summary>Waits for the next connection.</summary>
    /// <param name="cancellationToken">Gives up; no connection is lost by it.</param>
    /// <exception cref="ObjectDisposedException">The listener was disposed.</exception>
    public async ValueTask<VsockConnection> AcceptAsync(CancellationToken cancellationToken = default)
    {
        try
        {
            var (socket, guestPort) = await _waiting.Reader.ReadAsync(cancellationToken).ConfigureAwait(false);
            return new VsockConnection(
                new Socket(socket), new VsockEndPoint(VsockAddress.NitroParent, Port), new VsockEndPoint(_guestCid, guestPort));
        }
        catch (ChannelClosedException)
        {
            throw new ObjectDisposedException(nameof(VsockPortListener));
        }
    }

    /// <summary>Stops listening; connections that wait are closed.</summary>
    public void Dispose()
    {
        _router.Remove(this);
        _waiting.Writer.TryComplete();
        while (_waiting.Reader.TryRead(out var waiting))
        {
            waiting.Socket.Dispose();
        }
    }

    internal VsockConnectResult Offer(in VsockConnectRequest request)
    {
        if (VsockSocketPair.TryCreate(out var device, out var ours))
        {
            if (_waiting.Writer.TryWrite((ours, request.GuestPort)))
            {
                return VsockConnectResult.Connected(device);
            }

            device.Dispose();
            ours.Dispose();
        }

        return VsockConnectResult.Refused;
    }
}
