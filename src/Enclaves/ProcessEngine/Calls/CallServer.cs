namespace NitroEnclaves.Enclaves;

/// <summary>
/// Threads that answer the enclave's calls. Several, so that a signature, which takes a millisecond, holds nobody else up; calls that wait
/// for something (accept) occupy none.
/// </summary>
sealed class CallServer
{
    readonly CallListener _listener;
    readonly CallNumbers _numbers;
    readonly SocketCalls _sockets;
    readonly Func<IDeviceCalls> _device;
    readonly Action<Exception> _failed;

    CallServer(CallListener listener, CallNumbers numbers, SocketCalls sockets, Func<IDeviceCalls> device, Action<Exception> failed) =>
        (_listener, _numbers, _sockets, _device, _failed) = (listener, numbers, sockets, device, failed);

    /// <summary>Serves a filter until no process is left under it.</summary>
    /// <param name="listener">The filter's listener; closed at the end.</param>
    /// <param name="numbers">The architecture's call numbers.</param>
    /// <param name="sockets">Answers calls on sockets.</param>
    /// <param name="device">Makes what answers the device's ioctls, one for each thread.</param>
    /// <param name="failed">Told of an exception that ended a thread.</param>
    public static void Start(CallListener listener, CallNumbers numbers, SocketCalls sockets, Func<IDeviceCalls> device, Action<Exception> failed)
    {
        var server = new CallServer(listener, numbers, sockets, device, failed);
        var threads = int.Clamp(2 * Environment.ProcessorCount, 4, 8);
        var left = threads;
        for (var index = 0; index < threads; index++)
        {
            new Thread(() =>
            {
                server.Serve();
                if (Interlocked.Decrement(ref left) == 0)
                {
                    listener.Dispose();
                }
            })
            { Name = "enclave calls", IsBackground = true }.Start();
        }
    }

    void Serve()
    {
        try
        {
            var device = _device();
            while (_listener.TryReceive(out var call))
            {
                _listener.Answer(call, Answer(device, call));
            }
        }
#pragma warning disable CA1031 // The last frame of a thread: whatever ended it, the enclave cannot go on and its owner is told why.
        catch (Exception exception)
#pragma warning restore CA1031
        {
            _failed(exception);
        }
    }

    CallAnswer Answer(IDeviceCalls device, in InterceptedCall call)
    {
        if (call.Number == _numbers.Ioctl)
        {
            return (uint)call.Argument1 == EnclaveFilter.LocalCidIoctl ? _sockets.GetLocalCid(_listener, call) : device.Answer(_listener, call);
        }

        return call.Number == _numbers.Socket ? _sockets.Create(_listener, call)
            : call.Number == _numbers.Connect ? _sockets.Connect(_listener, call)
            : call.Number == _numbers.Bind ? _sockets.Bind(_listener, call)
            : call.Number == _numbers.Accept ? _sockets.Accept(_listener, call, flags: 0)
            : call.Number == _numbers.Accept4 ? _sockets.Accept(_listener, call, (int)call.Argument3)
            : call.Number == _numbers.GetSocketName ? _sockets.GetName(_listener, call, ofPeer: false)
            : call.Number == _numbers.GetPeerName ? _sockets.GetName(_listener, call, ofPeer: true)
            : call.Number == _numbers.GetSocketOption ? _sockets.GetOption(_listener, call)
            : call.Number == _numbers.SetSocketOption ? _sockets.SetOption(_listener, call)
            : CallAnswer.Continue;
    }
}
