using System.Net.Sockets;
using NitroEnclaves.Virtio;
using NitroEnclaves.Vsock;

namespace NitroEnclaves.Enclaves;

/// <summary>One connection of this process to the guest, until it stands or has failed.</summary>
sealed class VsockDial(VsockEndPoint remote) : IVsockConnectCompletion, IDisposable
{
    readonly TaskCompletionSource<uint> _outcome = new(TaskCreationOptions.RunContinuationsAsynchronously);
    readonly Lock _lock = new();
    SafeSocketHandle? _ours;
    bool _isDisposed;

    /// <summary>Asks the device. Runs on the loop's thread.</summary>
    internal void Start(VsockVirtioDevice device, uint parentCid)
    {
        SafeDescriptor? theirs;
        lock (_lock)
        {
            if (_isDisposed)
            {
                return;
            }

            if (!VsockSocketPair.TryCreate(out theirs, out _ours))
            {
                Failed(VsockConnectFailure.TooMany);
                return;
            }
        }

        device.Connect(theirs, remote.Port, this, parentCid);
    }

    internal async ValueTask<VsockConnection> WaitAsync(CancellationToken cancellationToken)
    {
        var port = await _outcome.Task.WaitAsync(cancellationToken).ConfigureAwait(false);
        lock (_lock)
        {
            var socket = new Socket(_ours!);
            _ours = null;
            return new VsockConnection(socket, new VsockEndPoint(VsockAddress.NitroParent, port), remote);
        }
    }

    public void Connected(SafeDescriptor socket, uint hostPort) => _outcome.TrySetResult(hostPort);

    public void Failed(VsockConnectFailure failure)
    {
        var (error, reason) = failure switch
        {
            VsockConnectFailure.TimedOut => (VsockError.TimedOut, "the guest does not answer"),
            VsockConnectFailure.Reset => (VsockError.ConnectionReset, "the guest has begun anew"),
            VsockConnectFailure.TooMany => (VsockError.SocketFailed, "there are too many connections"),
            _ => (VsockError.ConnectionRefused, "nobody listens at that port"),
        };
        _outcome.TrySetException(new VsockException(error, $"No connection to {remote}: {reason}."));
    }

    /// <summary>Closes our end unless it was handed out; the device notices and takes its request back.</summary>
    public void Dispose()
    {
        lock (_lock)
        {
            _isDisposed = true;
            _ours?.Dispose();
            _ours = null;
        }
    }
}
