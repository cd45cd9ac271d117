using System.Collections.Concurrent;
using System.Runtime.InteropServices;
using NitroEnclaves.Virtio;
using NitroEnclaves.Vsock;

namespace NitroEnclaves.Enclaves;

/// <summary>
/// The parent's side of one guest's vsock device. The guest reaches it as CID 3 (and 2): listeners of this process first, then Unix sockets
/// at <c>path_port</c>; whatever else it dials is refused at once. Programs reach the guest through the Unix socket at <c>path</c>, and this
/// process through <see cref="ConnectAsync"/>.
/// </summary>
/// <remarks>The Unix sockets have the form of Firecracker and vhost-device-vsock, whose clients work unchanged.</remarks>
public sealed class VsockRouter : IVsockBackend, IDisposable
{
    readonly VsockRouterOptions _options;
    readonly EventLoop _loop;
    readonly ConcurrentDictionary<uint, VsockPortListener> _listeners = new();
    readonly IVsockBackend[] _parent;
    readonly IVsockBackend[] _peers;
    readonly List<IDisposable> _forwards = [];
    readonly VsockUnixServer? _server;

    /// <summary>Makes the router and its device, and listens at the options' Unix path from then on.</summary>
    /// <param name="loop">The loop on which device and router live.</param>
    /// <param name="options">What to serve.</param>
    /// <exception cref="ArgumentException">The CID is reserved, a path is too long, or a limit is out of range.</exception>
    /// <exception cref="IOException">
    /// Somebody listens at the Unix path or at a forward's port, the path's folder is not writable, or the kernel has no vsock to forward to.
    /// </exception>
    public VsockRouter(EventLoop loop, VsockRouterOptions options)
    {
        ArgumentNullException.ThrowIfNull(loop);
        ArgumentNullException.ThrowIfNull(options);
        ArgumentOutOfRangeException.ThrowIfLessThanOrEqual(options.HandshakeTimeout, TimeSpan.Zero);
        ArgumentOutOfRangeException.ThrowIfLessThan(options.MaxHandshakes, 1);
        _loop = loop;
        _options = options;
        _parent = [.. ParentConnectors(options)];
        _peers = [.. options.PeerPath is { } pathOf ? [new UnixPeerConnector(pathOf)] : Array.Empty<IVsockBackend>(), .. options.Peers is { } peers ? [peers] : Array.Empty<IVsockBackend>()];
        Device = new VsockVirtioDevice(loop, options.GuestCid, this, options.Device);
        try
        {
            foreach (var forward in options.Forwards.Where(forward => forward.ToGuest))
            {
                var socket = TcpConnector.Listen(forward.Tcp);
                _forwards.Add(socket);
                Accept(socket.SafeHandle, forward.VsockPort, isTcp: true);
            }

            foreach (var port in options.ForwardListen)
            {
                Accept(NativePortListener.Bind(port), port, isTcp: false);
            }

            if (options.UnixPath is { } path)
            {
                _server = VsockUnixServer.Listen(loop, Device.Connect, path, options);
            }
        }
        catch
        {
            Dispose();
            throw;
        }
    }

    /// <summary>The device, to be mounted on a transport.</summary>
    public VsockVirtioDevice Device { get; }

    /// <summary>Listens in this process at a port of the parent. From any thread.</summary>
    /// <param name="port">The port; it takes precedence over a Unix socket of the same port.</param>
    /// <param name="backlog">Connections that may wait to be accepted; further ones are refused.</param>
    /// <exception cref="VsockException"><see cref="VsockError.AddressInUse"/>: this process listens there already.</exception>
    public VsockPortListener Listen(uint port, int backlog = 128)
    {
        var listener = new VsockPortListener(this, _options.GuestCid, port, backlog);
        return _listeners.TryAdd(port, listener)
            ? listener
            : throw new VsockException(VsockError.AddressInUse, $"This process listens at port {port} already.");
    }

    /// <summary>Connects to a port of the guest. From any thread.</summary>
    /// <param name="port">The guest's port.</param>
    /// <param name="cancellationToken">Gives up.</param>
    /// <exception cref="VsockException">
    /// <see cref="VsockError.ConnectionRefused"/>: nobody listens there. <see cref="VsockError.TimedOut"/>: the guest does not answer.
    /// <see cref="VsockError.ConnectionReset"/>: the guest has begun anew.
    /// </exception>
    public async ValueTask<VsockConnection> ConnectAsync(uint port, CancellationToken cancellationToken = default)
    {
        cancellationToken.ThrowIfCancellationRequested();
        using var dial = new VsockDial(new VsockEndPoint(_options.GuestCid, port));
        _loop.Post(() => dial.Start(Device, _options.ParentCid));
        return await dial.WaitAsync(cancellationToken).ConfigureAwait(false);
    }

    /// <inheritdoc/>
    VsockConnectResult IVsockBackend.Connect(in VsockConnectRequest request)
    {
        var isParent = request.Cid is VsockAddress.Host or VsockAddress.NitroParent;
        if (request.KeepsMessages)
        {
            // Only Unix sockets keep messages; a listener for streams refuses.
            return isParent ? ConnectMessages(request) : VsockConnectResult.Refused;
        }

        if (isParent && _listeners.TryGetValue(request.Port, out var listener))
        {
            return listener.Offer(request);
        }

        foreach (var connector in isParent ? _parent : _peers)
        {
            if (connector.Connect(request) is { Socket: not null } result)
            {
                return result;
            }
        }

        return VsockConnectResult.Refused;
    }

    VsockConnectResult ConnectMessages(in VsockConnectRequest request)
    {
        foreach (var connector in _parent)
        {
            if (connector is UnixPortConnector && connector.Connect(request) is { Socket: not null } result)
            {
                return result;
            }
        }

        return VsockConnectResult.Refused;
    }

    /// <summary>Stops listening everywhere. Connections live on until the device is reset. From any thread.</summary>
    public void Dispose()
    {
        foreach (var listener in _listeners.Values)
        {
            listener.Dispose();
        }

        _loop.Invoke(() =>
        {
            _server?.Dispose();
            _forwards.ForEach(forward => forward.Dispose());
            _forwards.Clear();
        });
    }

    internal void Remove(VsockPortListener listener) => _listeners.TryRemove(KeyValuePair.Create(listener.Port, listener));

    // In this order: what was asked for by name first, what takes anything last.
    static IEnumerable<IVsockBackend> ParentConnectors(VsockRouterOptions options)
    {
        if (options.Forwards.Any(forward => !forward.ToGuest))
        {
            yield return new TcpConnector(options.Forwards.Where(forward => !forward.ToGuest));
        }

        foreach (var path in new[] { options.UnixPath, options.SharedUnixPath }.OfType<string>())
        {
            yield return new UnixPortConnector(path);
        }

        if (options.ForwardCid is { } cid)
        {
            yield return new NativePortConnector(cid);
        }
    }

    void Accept(SafeHandle listener, uint guestPort, bool isTcp) => _forwards.Insert(0, VsockAcceptor.Start(_loop, listener, client =>
        Device.Connect(isTcp ? TcpConnector.WithoutDelay(client) : client, guestPort, VsockForwardCompletion.Instance, _options.ParentCid)));
}
