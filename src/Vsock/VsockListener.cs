using System.Net.Sockets;

namespace NitroEnclaves.Vsock;

/// <summary>
/// Accepts connections at a vsock port: from the kernel's vsock, and on a parent from emulated enclaves too where the options' resolvers
/// know a way.
/// </summary>
/// <remarks>
/// Accept in one loop and serve each connection in a task of its own, so that a stalled client delays nobody. The number of open
/// connections is bounded by <see cref="VsockOptions.MaxConnections"/>.
/// </remarks>
public sealed class VsockListener : IDisposable, IAsyncDisposable
{
    readonly VsockOptions _options;
    readonly VsockRouteListener[] _listeners;
    readonly Task<(Socket Socket, VsockEndPoint Remote)>?[] _accepting;
    readonly SemaphoreSlim _oneAccept = new(1, 1);
    readonly SemaphoreSlim _places;
    readonly CancellationTokenSource _disposed = new();
    int _isDisposed;
    int _next;

    VsockListener(VsockRouteListener[] listeners, VsockOptions options)
    {
        _listeners = listeners;
        _options = options;
        _accepting = new Task<(Socket, VsockEndPoint)>?[listeners.Length];
        _places = new SemaphoreSlim(options.MaxConnections, options.MaxConnections);
    }

    /// <summary>The address listened at, with the port that the kernel chose where it was left to choose.</summary>
    public VsockEndPoint LocalEndPoint => _listeners[0].Local;

    /// <summary>Starts to listen at a port for every CID of this machine.</summary>
    /// <inheritdoc cref="Listen(VsockEndPoint, VsockOptions?)"/>
    public static VsockListener Listen(uint port, VsockOptions? options = null) => Listen(new VsockEndPoint(VsockAddress.Any, port), options);

    /// <summary>Starts to listen.</summary>
    /// <param name="endPoint">The address; use <see cref="VsockAddress.Any"/> as its CID unless there is a reason not to.</param>
    /// <param name="options">Resolvers, limits and time-outs; null for <see cref="VsockOptions.Default"/>.</param>
    /// <exception cref="VsockException">
    /// <see cref="VsockError.AddressInUse"/>: another program listens there. <see cref="VsockError.Unreachable"/>: no route exists here.
    /// </exception>
    /// <exception cref="ArgumentOutOfRangeException">An option cannot work.</exception>
    public static VsockListener Listen(VsockEndPoint endPoint, VsockOptions? options = null)
    {
        ArgumentNullException.ThrowIfNull(endPoint);
        options = (options ?? VsockOptions.Default).Validated();
        var listeners = new List<VsockRouteListener>();
        VsockException? unreachable = null;
        try
        {
            foreach (var resolver in options.Resolvers)
            {
                try
                {
                    if (resolver.ResolveListener() is { } route)
                    {
                        listeners.Add(route.Listen(endPoint, options.Backlog));
                    }
                }
                catch (VsockException exception) when (exception.Error is VsockError.Unreachable)
                {
                    // A laptop has no vsock of its own; emulated enclaves can reach this program all the same.
                    unreachable ??= exception;
                }
            }

            return listeners.Count > 0
                ? new VsockListener([.. listeners], options)
                : throw unreachable ?? new VsockException(VsockError.Unreachable, $"No listener at {endPoint}: nothing can reach this program here.");
        }
        catch
        {
            listeners.ForEach(static listener => listener.Dispose());
            throw;
        }
    }

    /// <summary>Waits for the next connection, and for a free place where all are taken.</summary>
    /// <exception cref="OperationCanceledException">The token was cancelled. No connection is lost by it.</exception>
    /// <exception cref="ObjectDisposedException">The listener was disposed, before or while waiting.</exception>
    /// <exception cref="VsockException">The system is out of descriptors or memory; trying again later may succeed.</exception>
    public async ValueTask<VsockConnection> AcceptAsync(CancellationToken cancellationToken = default)
    {
        ObjectDisposedException.ThrowIf(Volatile.Read(ref _isDisposed) != 0, this);
        using var either = CancellationTokenSource.CreateLinkedTokenSource(cancellationToken, _disposed.Token);
        try
        {
            await _places.WaitAsync(either.Token).ConfigureAwait(false);
            try
            {
                await _oneAccept.WaitAsync(either.Token).ConfigureAwait(false);
                try
                {
                    var (socket, remote) = await AcceptAnyAsync(either.Token).ConfigureAwait(false);
                    var local = socket.LocalEndPoint as VsockEndPoint ?? LocalEndPoint;
                    return new VsockConnection(socket, local, remote, _options, () => _places.Release());
                }
                finally
                {
                    _oneAccept.Release();
                }
            }
            catch
            {
                _places.Release();
                throw;
            }
        }
        catch (OperationCanceledException) when (!cancellationToken.IsCancellationRequested)
        {
            throw new ObjectDisposedException(nameof(VsockListener));
        }
        catch (SocketException exception)
        {
            throw new VsockException(VsockError.SocketFailed, $"No connection could be accepted at {LocalEndPoint}: {exception.Message}.", exception);
        }
    }

    /// <summary>Stops listening. Connections accepted before live on; those that wait are reset.</summary>
    public void Dispose()
    {
        if (Interlocked.Exchange(ref _isDisposed, 1) != 0)
        {
            return;
        }

        foreach (var listener in _listeners)
        {
            listener.Dispose();
        }

        _disposed.Cancel();
        _ = CloseUnclaimedAsync();
    }

    /// <summary>Stops listening; nothing is awaited.</summary>
    public ValueTask DisposeAsync()
    {
        Dispose();
        return ValueTask.CompletedTask;
    }

    /// <summary>An accept that was won in the last moment holds a socket that nobody will ask for.</summary>
    async Task CloseUnclaimedAsync()
    {
        await _oneAccept.WaitAsync().ConfigureAwait(false);
        foreach (var accepting in _accepting)
        {
            try
            {
                if (accepting is not null)
                {
                    (await accepting.ConfigureAwait(false)).Socket.Dispose();
                }
            }
            catch (Exception exception) when (exception is SocketException or ObjectDisposedException)
            {
                // As it should be: the listening socket is gone.
            }
        }

        _oneAccept.Release();
    }

    /// <summary>
    /// The first connection on any of the sockets, taking turns. Accepts that do not win stay pending for the next call, and so does one
    /// whose caller gave up: a connection once taken from the kernel is handed out.
    /// </summary>
    async ValueTask<(Socket Socket, VsockEndPoint Remote)> AcceptAnyAsync(CancellationToken cancellationToken)
    {
        for (var i = 0; i < _listeners.Length; i++)
        {
            _accepting[i] ??= _listeners[i].AcceptAsync();
        }

        Task first = _listeners.Length == 1 ? _accepting[0]! : Task.WhenAny(_accepting!);
        await first.WaitAsync(cancellationToken).ConfigureAwait(ConfigureAwaitOptions.SuppressThrowing);

        cancellationToken.ThrowIfCancellationRequested();
        for (var i = 0; i < _listeners.Length; i++)
        {
            var index = (_next + i) % _listeners.Length;
            if (_accepting[index] is { IsCompleted: true } won)
            {
                _accepting[index] = null;
                _next = index + 1;
                return await won.ConfigureAwait(false);
            }
        }

        throw new InvalidOperationException("An accept ended without a result.");
    }
}
