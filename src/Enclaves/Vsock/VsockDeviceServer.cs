using NitroEnclaves.Virtio;

namespace NitroEnclaves.Enclaves;

/// <summary>
/// The vsock device alone, for virtual machines of anybody: a vhost-user server for each, with the router behind it. Takes the place of
/// <c>vhost-device-vsock</c>.
/// </summary>
/// <remarks>Each machine has a thread of its own, so that none waits for another.</remarks>
public sealed class VsockDeviceServer : IDisposable
{
    // What VSOCK guests call their host, except on Nitro.
    const uint HostCid = 2;

    readonly List<Machine> _machines = [];

    VsockDeviceServer()
    {
    }

    /// <summary>Listens for the hypervisors of some virtual machines.</summary>
    /// <param name="configurations">The machines, each with a CID and sockets of its own.</param>
    /// <exception cref="ArgumentException">A value is out of range, a path too long, or two machines have the same CID.</exception>
    /// <exception cref="IOException">A socket is taken or cannot be made.</exception>
    public static VsockDeviceServer Start(IReadOnlyCollection<VsockDeviceConfiguration> configurations)
    {
        ArgumentNullException.ThrowIfNull(configurations);
        var server = new VsockDeviceServer();
        try
        {
            foreach (var configuration in configurations)
            {
                if (server._machines.Any(machine => machine.Configuration.GuestCid == configuration.GuestCid))
                {
                    throw new ArgumentException($"Two virtual machines have the CID {configuration.GuestCid}.", nameof(configurations));
                }

                server._machines.Add(new Machine(server, configuration));
            }

            // Only now: a guest that starts early would miss those that it may reach.
            server._machines.ForEach(machine => machine.Serve());
            return server;
        }
        catch
        {
            server.Dispose();
            throw;
        }
    }

    /// <summary>Ends when one of the machines can no longer be served, with the exception that ended it.</summary>
    public Task Completion => Task.WhenAny(_machines.Select(machine => machine.Loop.Completion)).Unwrap();

    /// <summary>Ends all sessions and removes the sockets.</summary>
    public void Dispose() => _machines.ForEach(machine => machine.Dispose());

    sealed class Machine : IDisposable, IVsockBackend
    {
        readonly VsockDeviceServer _server;
        readonly VsockRouter _router;
        VhostUserBackend? _backend;

        internal Machine(VsockDeviceServer server, VsockDeviceConfiguration configuration)
        {
            _server = server;
            Configuration = configuration;
            Loop = EventLoop.Start($"vsock {configuration.GuestCid}");
            try
            {
                _router = new VsockRouter(Loop, new VsockRouterOptions
                {
                    GuestCid = configuration.GuestCid,
                    ParentCid = HostCid,
                    UnixPath = configuration.UnixPath,
                    ForwardCid = configuration.ForwardCid,
                    ForwardListen = configuration.ForwardListen,
                    Peers = this,
                    Device = new VsockDeviceOptions { BufferSize = configuration.TransmitBufferSize, MaxQueueSize = configuration.QueueSize },
                });
            }
            catch
            {
                Loop.Dispose();
                throw;
            }
        }

        internal VsockDeviceConfiguration Configuration { get; }

        internal EventLoop Loop { get; }

        internal void Serve() => _backend = VhostUserBackend.Listen(Loop, _router.Device, Configuration.SocketPath);

        // Two ends of a socket pair, one for each device: the bytes between two guests are bounded and flow-controlled as all others.
        public VsockConnectResult Connect(in VsockConnectRequest request)
        {
            var (cid, port, guestPort) = (request.Cid, request.Port, request.GuestPort);
            if (_server._machines.Find(other => other.Configuration.GuestCid == cid) is not { } peer || peer == this
                || !peer.Configuration.Groups.Intersect(Configuration.Groups).Any()
                || !VsockSocketPair.TryCreate(out var ours, out var theirs))
            {
                return VsockConnectResult.Refused;
            }

            var end = new SafeDescriptor((int)theirs.DangerousGetHandle());
            theirs.SetHandleAsInvalid();
            peer.Loop.Post(() => peer._router.Device.Connect(end, port, new Peering(), Configuration.GuestCid, guestPort));
            return VsockConnectResult.Pending(ours, VsockGreeting.Reader);
        }

        public void Dispose()
        {
            _backend?.Dispose();
            _router.Dispose();
            Loop.Dispose();
        }
    }

    sealed class Peering : IVsockConnectCompletion
    {
        public void Connected(SafeDescriptor socket, uint hostPort) => VsockGreeting.Send(socket, hostPort);

        public void Failed(VsockConnectFailure failure)
        {
            // The socket is closed, which the other device sees at its end.
        }
    }
}
