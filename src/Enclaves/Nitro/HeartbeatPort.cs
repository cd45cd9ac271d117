using System.Buffers.Binary;
using System.Net.Sockets;
using System.Threading.Channels;
using NitroEnclaves.Vsock;

namespace NitroEnclaves.Enclaves;

/// <summary>
/// One enclave's part in the parent's port 9000, where every real enclave says that it is ready and how it ended (contracts, "Port 9000 on
/// a real parent"). The first process to come owns the port for all; the others wait at the owner, and take its place when it goes.
/// </summary>
sealed class HeartbeatPort : IAsyncDisposable
{
    /// <summary>The name of the owner's socket in the registry's folder: not <c>.sock</c>, because nitro-cli takes all of these for enclaves.</summary>
    public const string SocketName = "heartbeat.socket";

    const int MostConnections = 16;

    static readonly TimeSpan s_betweenOwners = TimeSpan.FromMilliseconds(50);
    static readonly TimeSpan s_foreignOwnerPatience = TimeSpan.FromSeconds(5);

    readonly uint _cid;
    readonly string _path;
    readonly Func<VsockListener> _listen;
    readonly TimeProvider _time;
    readonly Channel<Stream> _connections = Channel.CreateBounded<Stream>(MostConnections);
    readonly CancellationTokenSource _disposed = new();
    readonly TaskCompletionSource _listening = new(TaskCreationOptions.RunContinuationsAsynchronously);
    readonly Task _running;

    /// <summary>Starts to take part.</summary>
    /// <param name="cid">The enclave that this process waits for.</param>
    /// <param name="registryPath">The registry's folder.</param>
    /// <param name="listen">Listens at port 9000 of the parent.</param>
    /// <param name="time">The clock of the patience with other owners.</param>
    public HeartbeatPort(uint cid, string registryPath, Func<VsockListener> listen, TimeProvider time)
    {
        (_cid, _path, _listen, _time) = (cid, Path.Combine(registryPath, SocketName), listen, time);
        _running = Task.Run(RunAsync);
    }

    /// <summary>Completes when a connection of the enclave would arrive here. An enclave says once that it is ready: it must not be started before.</summary>
    /// <exception cref="EnclaveException">Another kind of program has the port (<see cref="EnclaveFailure.BootFailure"/>).</exception>
    public Task Listening => _listening.Task;

    /// <summary>The next connection of the enclave.</summary>
    /// <exception cref="EnclaveException">Another kind of program has the port (<see cref="EnclaveFailure.BootFailure"/>).</exception>
    /// <exception cref="OperationCanceledException">The wait was given up.</exception>
    public async ValueTask<Stream> AcceptAsync(CancellationToken cancellationToken)
    {
        try
        {
            return await _connections.Reader.ReadAsync(cancellationToken).ConfigureAwait(false);
        }
        catch (ChannelClosedException exception)
        {
            throw exception.InnerException is EnclaveException failure
                ? new EnclaveException(failure.Failure, failure.Message, failure)
                : new OperationCanceledException("The enclave is being ended.", exception);
        }
    }

    public async ValueTask DisposeAsync()
    {
        await _disposed.CancelAsync().ConfigureAwait(false);
        await _running.ConfigureAwait(false);
        while (_connections.Reader.TryRead(out var stream))
        {
            await stream.DisposeAsync().ConfigureAwait(false);
        }

        _disposed.Dispose();
    }

    async Task RunAsync()
    {
        try
        {
            for (var lastOwner = _time.GetTimestamp(); ; await Task.Delay(s_betweenOwners, _time, _disposed.Token).ConfigureAwait(false))
            {
                if (TryListen() is { } listener)
                {
                    await using (listener.ConfigureAwait(false))
                    {
                        _listening.TrySetResult();
                        var owner = new HeartbeatPortOwner(listener, _path, _cid, Take, _time);
                        await owner.ServeAsync(_disposed.Token).ConfigureAwait(false);
                    }
                }
                else if (await WaitAtOwnerAsync().ConfigureAwait(false))
                {
                    lastOwner = _time.GetTimestamp();
                }
                else if (_time.GetElapsedTime(lastOwner) > s_foreignOwnerPatience)
                {
                    throw new EnclaveException(
                        EnclaveFailure.BootFailure,
                        $"Another program listens at vsock port {EnclaveReports.Port}, where enclaves say that they are ready. Is it nitro-cli, starting one? Try again when it is done.");
                }
            }
        }
        catch (OperationCanceledException)
        {
            _listening.TrySetCanceled();
            _connections.Writer.TryComplete();
        }
        catch (Exception exception) when (exception is EnclaveException or VsockException or IOException or SocketException)
        {
            var failure = exception as EnclaveException
                ?? new EnclaveException(EnclaveFailure.BootFailure, $"Vsock port {EnclaveReports.Port} cannot be served: {exception.Message}", exception);
            _listening.TrySetException(failure);
            _connections.Writer.TryComplete(failure);
        }
    }

    VsockListener? TryListen()
    {
        try
        {
            return _listen();
        }
        catch (VsockException exception) when (exception.Error == VsockError.AddressInUse)
        {
            return null;
        }
    }

    // An enclave that connects more often than anybody asks is not answered.
    void Take(Stream stream)
    {
        if (!_connections.Writer.TryWrite(stream))
        {
            stream.Dispose();
        }
    }

    /// <summary>Waits for one connection at the process that owns the port.</summary>
    /// <returns>Whether there is such a process.</returns>
    async Task<bool> WaitAtOwnerAsync()
    {
        var socket = new Socket(AddressFamily.Unix, SocketType.Stream, ProtocolType.Unspecified);
        var stream = (NetworkStream?)null;
        try
        {
            await socket.ConnectAsync(new UnixDomainSocketEndPoint(_path), _disposed.Token).ConfigureAwait(false);
            stream = new NetworkStream(socket, ownsSocket: true);
            var bytes = new byte[sizeof(uint)];
            BinaryPrimitives.WriteUInt32LittleEndian(bytes, _cid);
            await stream.WriteAsync(bytes, _disposed.Token).ConfigureAwait(false);
            _listening.TrySetResult();
            await stream.ReadExactlyAsync(bytes.AsMemory(0, 1), _disposed.Token).ConfigureAwait(false);
            Take(stream);
            stream = null;
            socket = null;
            return true;
        }
        catch (SocketException)
        {
            return false;
        }
        catch (IOException)
        {
            // It was there, and went.
            return true;
        }
        finally
        {
            stream?.Dispose();
            socket?.Dispose();
        }
    }
}
