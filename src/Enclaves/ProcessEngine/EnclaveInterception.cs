using NitroEnclaves.Nsm;
using NitroEnclaves.Virtio;
using NitroEnclaves.Vsock;

namespace NitroEnclaves.Enclaves;

/// <summary>All that answers an enclave's programs: the NSM, their sockets, and the parent's way to these.</summary>
sealed class EnclaveInterception : IDisposable
{
    readonly TaskCompletionSource<string> _failure = new(TaskCreationOptions.RunContinuationsAsynchronously);
    readonly EventLoop _loop;
    readonly INsmTransport _nsm;
    readonly EnclaveConnections _connections;
    readonly SocketCalls _sockets;
    readonly VsockUnixServer _server;
    readonly List<VsockAcceptor> _forwards = [];
    int _isDisposed;

    EnclaveInterception(EnclaveLaunch launch)
    {
        _nsm = launch.Nsm;
        _loop = EventLoop.Start("vsock");
        try
        {
            var table = new EnclaveSocketTable();
            _connections = new EnclaveConnections(launch.Id, launch.Cid, _loop, table);
            _sockets = new SocketCalls(
                launch.Id, launch.Cid, table, _connections, new[] { launch.VsockPath, launch.SharedVsockPath }.OfType<string>(),
                new SocketRelay(launch.Id, launch.Forwards, launch.PeerPath));
            foreach (var forward in launch.Forwards.Where(forward => forward.ToGuest))
            {
                _forwards.Add(VsockAcceptor.Start(_loop, TcpConnector.Listen(forward.Tcp).SafeHandle, client => _connections.Connect(
                    TcpConnector.WithoutDelay(client), forward.VsockPort, VsockForwardCompletion.Instance, VsockAddress.NitroParent, null)));
            }

            _server = VsockUnixServer.Listen(_loop, _connections.Connect, launch.VsockPath, new VsockRouterOptions { GuestCid = launch.Cid });
        }
        catch
        {
            _loop.Invoke(() => _forwards.ForEach(forward => forward.Dispose()));
            _loop.Dispose();
            throw;
        }

        _ = ReportFailureAsync();
    }

    /// <summary>Completes with a sentence when the enclave's calls can no longer be answered.</summary>
    public Task<string> Failure => _failure.Task;

    /// <summary>Begins to serve the parent's side of an enclave.</summary>
    /// <exception cref="EnclaveException">The Unix sockets of its vsock cannot be made (<see cref="EnclaveFailure.RegistryUnavailable"/>).</exception>
    public static EnclaveInterception Serve(EnclaveLaunch launch)
    {
        try
        {
            return new EnclaveInterception(launch);
        }
        catch (IOException exception)
        {
            throw new EnclaveException(EnclaveFailure.RegistryUnavailable, $"The enclave's vsock cannot be served: {exception.Message}", exception);
        }
    }

    /// <summary>
    /// Begins to answer the calls of a process and all that it will start. The process must be under the filter already: what is not would
    /// reach this machine's own vsock.
    /// </summary>
    /// <param name="processes">Whose first process has installed the filter.</param>
    /// <param name="listener">The number of the filter's listener there.</param>
    /// <exception cref="EnclaveException">The filter is not in place (<see cref="EnclaveFailure.ProcessSpawn"/>).</exception>
    public void Attach(EnclaveProcesses processes, int listener)
    {
        if (listener != LaunchSequence.FirstFreeDescriptor || !TargetProcess.IsFiltered(processes.FirstProcess))
        {
            throw Unfiltered();
        }

        Serve(processes.TakeDescriptor(listener));
    }

    /// <summary>Begins to answer the calls of a process that has entered the enclave later, under a filter of its own, and of all that it will start.</summary>
    /// <exception cref="EnclaveException">Its filter is not in place (<see cref="EnclaveFailure.ProcessSpawn"/>).</exception>
    public void Admit(int process)
    {
        if (!TargetProcess.IsFiltered(process) || TargetProcess.TryGetDescriptor(process, LaunchSequence.FirstFreeDescriptor, out _) is not { } listener)
        {
            throw Unfiltered();
        }

        Serve(listener);
    }

    /// <summary>Stops serving the parent's side; what answers the calls ends with the last process that makes any.</summary>
    public void Dispose()
    {
        if (Interlocked.Exchange(ref _isDisposed, 1) == 0)
        {
            _loop.Invoke(() =>
            {
                _forwards.ForEach(forward => forward.Dispose());
                _server.Dispose();
                _connections.Dispose();
            });
            _loop.Dispose();
        }
    }

    void Serve(SafeDescriptor listener) => CallServer.Start(
        new CallListener(listener), CallNumbers.X64, _sockets, () => new NsmCall(_nsm), exception => _failure.TrySetResult(exception.Message));

    static EnclaveException Unfiltered() =>
        new(EnclaveFailure.ProcessSpawn, "The enclave's seccomp filter is not in place; nothing was started without it.");

    async Task ReportFailureAsync()
    {
        try
        {
            await _loop.Completion.ConfigureAwait(false);
        }
#pragma warning disable CA1031 // Whatever ended the loop's thread, the enclave cannot go on and its owner is told why.
        catch (Exception exception)
#pragma warning restore CA1031
        {
            _failure.TrySetResult($"its vsock broke down: {exception.Message}");
        }
    }
}
