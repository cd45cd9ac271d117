using System.Net.Sockets;
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
    readonly VhostUserBackend _nsm;

    QemuDevices(EnclaveLaunch launch, SocketPair nsm)
    {
        _nsmLoop = EventLoop.Start("nsm");
        _nsm = Attach(_nsmLoop, new NsmVirtioDevice(launch.Nsm), nsm, "NSM");
    }

    /// <summary>Completes with a sentence when a device no longer serves the guest.</summary>
    public Task<string> Failure => _failure.Task;

    /// <summary>Serves the devices on our ends of socket pairs.</summary>
    public static QemuDevices Serve(EnclaveLaunch launch, SocketPair nsm, SocketPair vsock) => new(launch, nsm);

    /// <summary>The next connection of the guest to the parent's port 9000.</summary>
#pragma warning disable CA1822
    public async ValueTask<Stream> AcceptReportAsync(CancellationToken cancellationToken)
    {
        await Task.Delay(Timeout.Infinite, cancellationToken).ConfigureAwait(false);
        return Stream.Null;
    }

    public void Dispose()
    {
        _nsm.Dispose();
        _nsmLoop.Dispose();
    }

    VhostUserBackend Attach(EventLoop loop, IVirtioDevice device, SocketPair pair, string name)
    {
        var backend = VhostUserBackend.Attach(loop, device, new SafeDescriptor(pair.TakeDescriptor()));
        backend.SessionEnded += reason => _failure.TrySetResult($"the {name}'s connection to QEMU ended: {reason?.Message ?? "QEMU closed it"}");
        _ = FailWithAsync(loop, name);
        return backend;
    }

    async Task FailWithAsync(EventLoop loop, string name)
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
