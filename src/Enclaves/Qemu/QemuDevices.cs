using NitroEnclaves.Virtio;

namespace NitroEnclaves.Enclaves;

/// <summary>
/// The devices of one enclave, served to QEMU over inherited sockets. The NSM has a thread of its own: a signature takes milliseconds, for
/// which no byte of vsock should have to wait.
/// </summary>
sealed class QemuDevices : IDisposable
{
    readonly TaskCompletionSource<string> _failure = new(TaskCreationOptions.RunContinuationsAsynchronously);
    readonly EventLoop _nsmLoop;
    readonly EventLoop _vsockLoop;
    readonly VsockRouter _router;
    readonly VsockPortListener _reports;
    readonly List<VhostUserBackend> _backends = [];

    QemuDevices(EnclaveLaunch launch, SocketPair nsm, SocketPair vsock)
    {
        _nsmLoop = EventLoop.Start("nsm");
        _vsockLoop = EventLoop.Start("vsock");
        try
        {
            _router = new VsockRouter(_vsockLoop, new VsockRouterOptions
            {
                GuestCid = launch.Cid,
                UnixPath = launch.VsockPath,
                SharedUnixPath = launch.SharedVsockPath,
                Forwards = launch.Forwards,
                PeerPath = launch.PeerPath,
            });
            _reports = _router.Listen(EnclaveReports.Port);
            Attach(_nsmLoop, new NsmVirtioDevice(launch.Nsm), nsm, "NSM");
            Attach(_vsockLoop, _router.Device, vsock, "vsock device");
        }
        catch
        {
            Dispose();
            throw;
        }
    }

    /// <summary>Completes with a sentence when a device no longer serves the guest.</summary>
    public Task<string> Failure => _failure.Task;

    /// <summary>What has gone over the vsock so far. The device's own thread counts: each number is one of some moment.</summary>
    public VsockTraffic Traffic => new(_router.Device.Statistics.BytesFromGuest, _router.Device.Statistics.BytesToGuest);

    /// <summary>Serves the devices on our ends of socket pairs.</summary>
    /// <exception cref="EnclaveException">The vsock's Unix sockets cannot be made (<see cref="EnclaveFailure.RegistryUnavailable"/>).</exception>
    public static QemuDevices Serve(EnclaveLaunch launch, SocketPair nsm, SocketPair vsock)
    {
        try
        {
            return new QemuDevices(launch, nsm, vsock);
        }
        catch (IOException exception)
        {
            throw new EnclaveException(EnclaveFailure.RegistryUnavailable, $"The enclave's vsock cannot be served: {exception.Message}", exception);
        }
    }

    /// <summary>The next connection of the guest to the parent's port 9000.</summary>
    public async ValueTask<Stream> AcceptReportAsync(CancellationToken cancellationToken) =>
        (await _reports.AcceptAsync(cancellationToken).ConfigureAwait(false)).Stream;

    public void Dispose()
    {
        _backends.ForEach(backend => backend.Dispose());
        _router?.Dispose();
        _vsockLoop.Dispose();
        _nsmLoop.Dispose();
    }

    void Attach(EventLoop loop, IVirtioDevice device, SocketPair pair, string name)
    {
        var backend = VhostUserBackend.Attach(loop, device, new SafeDescriptor(pair.TakeDescriptor()));
        _backends.Add(backend);
        backend.SessionEnded += reason => _failure.TrySetResult($"the {name}'s connection to QEMU ended: {reason?.Message ?? "QEMU closed it"}");
        _ = ReportFailureAsync(loop, name);
    }

    async Task ReportFailureAsync(EventLoop loop, string name)
    {
        try
        {
            await loop.Completion.ConfigureAwait(false);
        }
#pragma warning disable CA1031 // Whatever ended the device's thread, the enclave cannot go on and its owner is told why.
        catch (Exception exception)
#pragma warning restore CA1031
        {
            _failure.TrySetResult($"the {name} broke down: {exception.Message}");
        }
    }
}
