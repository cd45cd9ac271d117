using System.Buffers.Binary;
using System.Net.Sockets;
using System.Threading.Channels;
using NitroEnclaves.Vsock;

namespace NitroEnclaves.Enclaves;

/// <summary>
/// One enclave's part in the parent's port 9000, where every real enclave says that it is ready and how it ended (contracts, "Port 9000 on
/// a real parent"). The first process to come owns the port for all; the others wait at the owner, and take its place when it goes. For an
/// enclave that does not report its end the port is only held until it is ready, so that others that know nothing of this registry, such as
/// nitro-cli or enclaves of other containers, can have it then.
/// </summary>
sealed class HeartbeatPort : IAsyncDisposable
{
    /// <summary>The name of the owner's socket in the registry's folder: not <c>.sock</c>, because nitro-cli takes all of these for enclaves.</summary>
    public const string SocketName = "heartbeat.socket";

    const int MostConnections = 16;
    const int QuietLooks = 10;

    static readonly TimeSpan s_betweenOwners = TimeSpan.FromMilliseconds(50);
    static readonly TimeSpan s_succession = TimeSpan.FromMilliseconds(2);
    static readonly TimeSpan s_foreignOwnerPatience = TimeSpan.FromSeconds(5);

    readonly uint _cid;
    readonly string _path;
    readonly Func<VsockListener> _listen;
    readonly TimeProvider _time;
    readonly bool _reportsEnd;
    readonly TaskCompletionSource _isReady = new(TaskCreationOptions.RunContinuationsAsynchronously);
    readonly Channel<Stream> _connections = Channel.CreateBounded<Stream>(MostConnections);
    readonly CancellationTokenSource _disposed = new();
    readonly TaskCompletionSource _listening = new(TaskCreationOptions.RunContinuationsAsynchronously);
    readonly Task _running;

    /// <summary>Starts to take part.</summary>
    /// <param name="cid">The enclave that this process waits for.</param>
    /// <param name="registryPath">The registry's folder.</param>
    /// <param name="listen">Listens at port 9000 of the parent.</param>
    /// <param name="time">The clock of the patience with other owners.</param>
    /// <param name="reportsEnd">Whether the enclave connects again at its end; otherwise it does once, when it is ready.</param>
    public HeartbeatPort(uint cid, string registryPath, Func<VsockListener> listen, TimeProvider time, bool reportsEnd = true)
    {
        (_cid, _path, _listen, _time, _reportsEnd) = (cid, Path.Combine(registryPath, SocketName), listen, time, reportsEnd);
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
        _connections.Writer.TryComplete();
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
            for (var lastOwner = _time.GetTimestamp(); _reportsEnd || !_isReady.Task.IsCompleted;)
            {
                if (TryListen() is { } listener)
                {
                    await OwnAsync(listener).ConfigureAwait(false);
                }
                else if (await WaitAtOwnerAsync().ConfigureAwait(false))
                {
                    // Enclaves may be about to connect: the port has to have an owner again at once.
                    lastOwner = _time.GetTimestamp();
                    await Task.Delay(s_succession, _time, _disposed.Token).ConfigureAwait(false);
                }
                else if (_time.GetElapsedTime(lastOwner) > s_foreignOwnerPatience)
                {
                    throw new EnclaveException(
                        EnclaveFailure.BootFailure,
                        $"Another program listens at vsock port {EnclaveReports.Port}, where enclaves say that they are ready. Is it nitro-cli, starting one? Then try again when it is done. Is it an enclave's process in another container? Then let both have one folder {Path.GetDirectoryName(_path)}, and this user write to it.");
                }
                else
                {
                    await Task.Delay(s_betweenOwners, _time, _disposed.Token).ConfigureAwait(false);
                }
            }
        }
        catch (OperationCanceledException)
        {
            _listening.TrySetCanceled();
            _connections.Writer.TryComplete();
        }
        catch (Exception exception) when (exception is EnclaveException or VsockException or IOException or SocketException or UnauthorizedAccessException)
        {
            var failure = exception as EnclaveException
                ?? new EnclaveException(EnclaveFailure.BootFailure, $"Vsock port {EnclaveReports.Port} cannot be served: {exception.Message}", exception);
            _listening.TrySetException(failure);
            _connections.Writer.TryComplete(failure);
        }
    }

    // Serves the port for everybody, until the enclave is gone, or is ready and nobody else needs the port.
    async Task OwnAsync(VsockListener listener)
    {
        await using (listener.ConfigureAwait(false))
        {
            _listening.TrySetResult();
            using var leaving = CancellationTokenSource.CreateLinkedTokenSource(_disposed.Token);
            var owner = new HeartbeatPortOwner(listener, _path, _cid, Take, _time);
            var leave = _reportsEnd ? Task.CompletedTask : LeaveAsync(owner, leaving);
            try
            {
                await owner.ServeAsync(leaving.Token).ConfigureAwait(false);
            }
            catch (OperationCanceledException) when (!_disposed.IsCancellationRequested)
            {
                // Ready, and nobody waits.
            }
            finally
            {
                await leaving.CancelAsync().ConfigureAwait(false);
                await leave.ConfigureAwait(false);
            }
        }
    }

    async Task LeaveAsync(HeartbeatPortOwner owner, CancellationTokenSource leaving)
    {
        try
        {
            await _isReady.Task.WaitAsync(leaving.Token).ConfigureAwait(false);
            // Who has just been served comes back in a moment: nobody waits when nobody has for a while.
            for (var quiet = 0; quiet < QuietLooks; quiet = owner.IsIdle ? quiet + 1 : 0)
            {
                await Task.Delay(s_betweenOwners, _time, leaving.Token).ConfigureAwait(false);
            }

            await leaving.CancelAsync().ConfigureAwait(false);
        }
        catch (OperationCanceledException)
        {
            // It has been left already.
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

        _isReady.TrySetResult();
    }

    /// <summary>Waits for one connection at the process that owns the port.</summary>
    /// <returns>Whether there is such a process, and it lets this one wait.</returns>
    async Task<bool> WaitAtOwnerAsync()
    {
        var since = _time.GetTimestamp();
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
            // It was there, and went; or it wants nothing of this user, and hangs up at once.
            return _time.GetElapsedTime(since) > s_betweenOwners;
        }
        finally
        {
            stream?.Dispose();
            socket?.Dispose();
        }
    }
}
