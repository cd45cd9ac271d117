using System.Net.Sockets;
using System.Runtime.InteropServices;

namespace NitroEnclaves.Virtio;

/// <summary>
/// Serves a device to a front end (QEMU) over the vhost-user protocol: guest memory is mapped from the front end's descriptors,
/// and notifications are eventfds on both ways, so that the front end takes no part once the rings run.
/// </summary>
/// <remarks>
/// One front end at a time; the next one waits until the session ends. A session that ends, in order or not, resets the device
/// and closes and unmaps everything that came with it.
/// </remarks>
public sealed class VhostUserBackend : IDisposable, IReadyHandler
{
    static readonly TimeSpan AcceptRetryDelay = TimeSpan.FromMilliseconds(100);

    readonly EventLoop _loop;
    readonly IVirtioDevice _device;
    readonly VhostUserRing[] _rings;
    readonly LoopTimer _retry;
    Socket? _listener;
    EventRegistration? _registration;
    VhostUserSession? _session;
    bool _isDisposed;

    VhostUserBackend(EventLoop loop, IVirtioDevice device)
    {
        _retry = loop.CreateTimer(AwaitFrontEnd);
        _loop = loop;
        _device = device;
        _rings = new VhostUserRing[device.QueueCount];
        for (var i = 0; i < _rings.Length; i++)
        {
            _rings[i] = new VhostUserRing(loop, device, i);
        }
    }

    /// <summary>
    /// A session has ended and the device was reset: null after an orderly end, else why the front end was refused or lost.
    /// Raised on the loop's thread.
    /// </summary>
    public event Action<VirtioException?>? SessionEnded;

    /// <summary>Listens on a Unix socket, from when this returns on, and serves whoever connects.</summary>
    /// <param name="loop">The loop on which the device lives.</param>
    /// <param name="device">The device.</param>
    /// <param name="path">
    /// Of the socket, at most 107 bytes. One that a dead process left there is replaced; ours is removed at the end. Only this
    /// user may connect.
    /// </param>
    /// <exception cref="IOException">Something else is there, or somebody listens there, or the folder is not writable.</exception>
    public static VhostUserBackend Listen(EventLoop loop, IVirtioDevice device, string path)
    {
        var backend = new VhostUserBackend(loop, device) { _listener = UnixListener.Bind(path) };
        loop.Invoke(() => backend._registration = loop.Register(backend._listener.SafeHandle, ReadyEvents.Readable, backend));
        return backend;
    }

    /// <summary>Serves one connection that exists already, such as one end of a socket pair whose other end QEMU inherits.</summary>
    /// <param name="loop">The loop on which the device lives.</param>
    /// <param name="device">The device.</param>
    /// <param name="connection">A connected stream socket, taken over.</param>
    public static VhostUserBackend Attach(EventLoop loop, IVirtioDevice device, SafeDescriptor connection)
    {
        var backend = new VhostUserBackend(loop, device);
        loop.Invoke(() => backend.Serve(connection));
        return backend;
    }

    /// <summary>Whether a front end is connected now. To be asked on the loop's thread.</summary>
    public bool IsConnected => _session is not null;

    /// <inheritdoc/>
    void IReadyHandler.OnReady(ReadyEvents events)
    {
        var connection = Accept();
        if (!connection.IsInvalid)
        {
            _registration!.Modify(ReadyEvents.None);
            Serve(connection);
        }
        else if (Marshal.GetLastPInvokeError() is not (Interop.Errno.EAGAIN or Interop.Errno.EINTR or Interop.Errno.ECONNABORTED))
        {
            // No descriptor is left: the front end waits, and the listener would be reported at once again.
            _registration!.Modify(ReadyEvents.None);
            _retry.Set(AcceptRetryDelay);
        }
    }

    /// <summary>Ends the session, if there is one, and listens no more. From any thread.</summary>
    public void Dispose() => _loop.Invoke(() =>
    {
        if (_isDisposed)
        {
            return;
        }

        _isDisposed = true;
        _session?.End(null);
        _retry.Cancel();
        _registration?.Dispose();
        _listener?.Dispose();
    });

    unsafe SafeDescriptor Accept() =>
        new(Interop.Socket.accept4(_listener!.SafeHandle, null, null, Interop.Socket.SOCK_CLOEXEC | Interop.Socket.SOCK_NONBLOCK));

    void Serve(SafeDescriptor connection) =>
        _session = new VhostUserSession(_loop, _device, _rings, new VhostUserChannel(connection), OnEnded);

    void OnEnded(VirtioException? reason)
    {
        _session = null;
        AwaitFrontEnd();
        SessionEnded?.Invoke(reason);
    }

    void AwaitFrontEnd()
    {
        if (!_isDisposed && _session is null)
        {
            _registration?.Modify(ReadyEvents.Readable);
        }
    }
}
