using System.Buffers.Binary;

namespace NitroEnclaves.Virtio;

/// <summary>
/// The vsock device (virtio 1.3, 5.10): stream sockets between a guest and whatever its <see cref="IVsockBackend"/> reaches. Bytes go
/// straight between guest memory and host sockets; a host program that does not read, a guest that does not, or one that breaks every rule
/// costs bounded memory and delays nobody else.
/// </summary>
/// <remarks>
/// <para>Queue 0 carries packets to the guest, queue 1 packets from it, queue 2 events, of which there are none.</para>
/// <para>Everything happens on the event loop's thread; only the constructor may be called elsewhere, before the device is mounted.</para>
/// </remarks>
public sealed partial class VsockVirtioDevice : IVirtioDevice
{
    const int ReceiveIndex = 0;
    const int TransmitIndex = 1;
    const int MaxWaitingResets = 256;
    const ulong Seqpacket = 1 << 1;

    readonly IVsockBackend _backend;
    readonly byte[] _configuration = new byte[sizeof(ulong)];
    readonly Dictionary<VsockConnectionKey, VsockDeviceConnection> _connections = [];
    readonly HashSet<VsockDeviceConnection> _draining = [];
    bool _hasSeqpacket;

    /// <summary>Makes a device.</summary>
    /// <param name="loop">The loop on which the device's transport lives as well.</param>
    /// <param name="guestCid">The guest's CID, 3 to 2^32-2.</param>
    /// <param name="backend">The parent's side.</param>
    /// <param name="options">Limits; null for the defaults.</param>
    /// <exception cref="ArgumentOutOfRangeException">The CID is reserved, or a limit is out of range.</exception>
    public VsockVirtioDevice(EventLoop loop, uint guestCid, IVsockBackend backend, VsockDeviceOptions? options = null)
    {
        ArgumentNullException.ThrowIfNull(loop);
        ArgumentNullException.ThrowIfNull(backend);
        ArgumentOutOfRangeException.ThrowIfLessThan(guestCid, 3u);
        ArgumentOutOfRangeException.ThrowIfEqual(guestCid, uint.MaxValue);
        Loop = loop;
        GuestCid = guestCid;
        Options = (options ?? new VsockDeviceOptions()).Validated();
        Buffers = new VsockBufferPool(Options.BufferLimit);
        _backend = backend;
        _deliverTurn = DeliverTurn;
        _transmitTurn = TransmitTurn;
        BinaryPrimitives.WriteUInt64LittleEndian(_configuration, guestCid);
    }

    /// <summary>The guest's CID.</summary>
    public uint GuestCid { get; }

    /// <summary>Connections that the guest knows of, and those whose last bytes a host program has not taken.</summary>
    public int ConnectionCount => _connections.Count + _draining.Count;

    /// <summary>Bytes of memory in which data waits for host programs.</summary>
    public long BufferedBytes => Buffers.InUse;

    /// <summary>What the device has done so far.</summary>
    public VsockCounters Statistics => Counters;

    /// <summary>19.</summary>
    public int DeviceId => 19;

    /// <summary>VIRTIO_VSOCK_F_SEQPACKET: sockets that keep the limits of messages. Streams need no feature bit.</summary>
    public ulong Features => Seqpacket;

    /// <summary>3.</summary>
    public int QueueCount => 3;

    /// <inheritdoc/>
    public int MaxQueueSize => Options.MaxQueueSize;

    /// <summary><c>struct virtio_vsock_config { le64 guest_cid; }</c>.</summary>
    public ReadOnlySpan<byte> Configuration => _configuration;

    internal EventLoop Loop { get; }

    internal VsockDeviceOptions Options { get; }

    internal VsockBufferPool Buffers { get; }

    internal VsockTransmitBatch TransmitBatch { get; } = new();

    internal VsockReceiveBatch ReceiveBatch { get; } = new();

    internal ref VsockCounters Counters => ref _counters;

    /// <inheritdoc/>
    public void Negotiated(ulong features) => _hasSeqpacket = (features & Seqpacket) != 0;

    /// <inheritdoc/>
    public void QueueStarted(Virtqueue queue)
    {
        switch (queue.Index)
        {
            case ReceiveIndex:
                ReceiveQueue = queue;
                break;
            case TransmitIndex:
                _transmitQueue = queue;
                break;
        }
    }

    /// <inheritdoc/>
    public void QueueStopped(Virtqueue queue)
    {
    }

    /// <inheritdoc/>
    public bool QueueNotified(Virtqueue queue)
    {
        switch (queue.Index)
        {
            case ReceiveIndex:
                ScheduleDelivery();
                return false;
            case TransmitIndex:
                return Transmit(queue);
            default:
                // Event buffers stay where they are until there is an event.
                return false;
        }
    }

    /// <inheritdoc/>
    public void Reset()
    {
        _resets.Clear();
        foreach (var connection in _connections.Values.ToArray())
        {
            connection.Close();
        }

        foreach (var connection in _draining.ToArray())
        {
            connection.Close();
        }
    }

    /// <summary>Connects a host socket to a port of the guest. Waits for a guest that is still starting, within the time-out.</summary>
    /// <param name="socket">A connected stream socket. The device owns it from here on, and takes its bytes once the guest has accepted.</param>
    /// <param name="guestPort">The guest's port.</param>
    /// <param name="completion">Hears the outcome, perhaps before this returns.</param>
    /// <param name="hostCid">The CID from which the connection comes in the guest's eyes. Default: 3, a Nitro enclave's parent.</param>
    /// <param name="hostPort">The port from which it comes; null, or one that is taken, for a free one.</param>
    public void Connect(SafeDescriptor socket, uint guestPort, IVsockConnectCompletion completion, uint hostCid = 3, uint? hostPort = null)
    {
        ArgumentNullException.ThrowIfNull(socket);
        ArgumentNullException.ThrowIfNull(completion);
        Counters.HostConnects++;
        if (ConnectionCount >= Options.MaxConnections)
        {
            socket.Dispose();
            completion.Failed(VsockConnectFailure.TooMany);
            return;
        }

        var key = hostPort is { } wanted && new VsockConnectionKey(hostCid, wanted, guestPort) is var asked && !_connections.ContainsKey(asked)
            ? asked
            : FreeHostPort(hostCid, guestPort);
        if (TryAdd(key, socket, VsockConnectionState.GuestConnecting, completion) is { } connection)
        {
            connection.Ask();
        }
        else
        {
            completion.Failed(VsockConnectFailure.TooMany);
        }
    }

    /// <summary>The connection has left the guest's sight; its addresses may be used anew.</summary>
    internal void Forget(VsockDeviceConnection connection)
    {
        _draining.Remove(connection);
        if (_connections.TryGetValue(connection.Key, out var known) && known == connection)
        {
            _connections.Remove(connection.Key);
        }
    }

    /// <summary>Keeps a connection that only has bytes for its host program left.</summary>
    internal void Drain(VsockDeviceConnection connection) => _draining.Add(connection);

    VsockDeviceConnection? TryAdd(
        in VsockConnectionKey key,
        SafeDescriptor socket,
        VsockConnectionState state,
        IVsockConnectCompletion? completion = null,
        IVsockGreeting? greeting = null,
        bool keepsMessages = false)
    {
        try
        {
            var connection = new VsockDeviceConnection(this, key, socket, state, completion, greeting, keepsMessages);
            _connections.Add(key, connection);
            return connection;
        }
        catch (IOException)
        {
            // The system watches no further descriptor (fs.epoll.max_user_watches).
            socket.Dispose();
            return null;
        }
    }
}
