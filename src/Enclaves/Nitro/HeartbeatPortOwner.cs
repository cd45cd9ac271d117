using System.Buffers.Binary;
using System.Collections.Concurrent;
using System.Net.Sockets;
using System.Threading.Channels;
using NitroEnclaves.Vsock;

namespace NitroEnclaves.Enclaves;

/// <summary>
/// The owner of the parent's port 9000. It tells whose a connection is by the peer's CID, which no enclave can choose, and carries the bytes
/// of those that other processes wait for.
/// </summary>
/// <remarks>
/// A process that waits connects to <c>heartbeat.socket</c> and sends its enclave's CID, four bytes little-endian. When that enclave connects
/// the owner sends one byte, 1, and then what the enclave sends; what the process sends goes to the enclave. A process that expects another
/// connection connects again. Who may enter enclaves into the registry's folder may wait, be it another user; nobody else gets a word.
/// </remarks>
/// <param name="listener">Listens at the port; stays the caller's.</param>
/// <param name="path">The socket for other processes.</param>
/// <param name="cid">This process's own enclave.</param>
/// <param name="take">Takes the connections of this process's own enclave.</param>
/// <param name="time">The clock of time-outs.</param>
sealed class HeartbeatPortOwner(VsockListener listener, string path, uint cid, Action<Stream> take, TimeProvider time)
{
    const int Backlog = 128;
    const byte Connected = 1;

    static readonly TimeSpan s_registrationPatience = TimeSpan.FromSeconds(1);
    static readonly TimeSpan s_connectionPatience = TimeSpan.FromSeconds(5);
    static readonly TimeSpan s_drainPatience = TimeSpan.FromSeconds(2);
    static readonly TimeSpan s_moment = TimeSpan.FromMilliseconds(5);
    static readonly TimeSpan s_pause = TimeSpan.FromMilliseconds(20);

    // The policy is applied to each who connects, as on the enclaves' own sockets.
    const UnixFileMode EverybodyConnects = (UnixFileMode)0x1b6;

    readonly ConcurrentDictionary<uint, Channel<NetworkStream>> _waiting = new();
    readonly ConcurrentDictionary<Task, bool> _passing = new();

    int _conversations;

    /// <summary>Whether nobody waits here, and nothing is being said.</summary>
    public bool IsIdle => Volatile.Read(ref _conversations) == 0 && _waiting.Values.All(HasNoLivingReader);

    /// <summary>Serves the port until the token is cancelled, which throws.</summary>
    public async Task ServeAsync(CancellationToken cancellationToken)
    {
        // Whoever has the port has the name too: a file that is there is of an owner that was killed.
        File.Delete(path);
        using var socket = RegistrySocket.Listen(path, EverybodyConnects, Backlog);
        using var ending = CancellationTokenSource.CreateLinkedTokenSource(cancellationToken);
        var registering = RegisterAllAsync(socket, ending.Token);
        try
        {
            while (true)
            {
                await AcceptAsync(ending.Token).ConfigureAwait(false);
            }
        }
        finally
        {
            // Before the port is free: the next owner makes a file of its own.
            await ending.CancelAsync().ConfigureAwait(false);
            await registering.ConfigureAwait(false);
            RegistryPaths.TryDelete(path);
            socket.Dispose();
            await AcceptWaitingAsync().ConfigureAwait(false);
            listener.Dispose();
            // What is being said goes on, while another process takes the port.
            await SendAwayAsync().ConfigureAwait(false);
            await Task.WhenAny(Task.WhenAll(_passing.Keys), Task.Delay(s_drainPatience, time, CancellationToken.None)).ConfigureAwait(false);
        }
    }

    async Task AcceptAsync(CancellationToken cancellationToken)
    {
        var connection = await listener.AcceptAsync(cancellationToken).ConfigureAwait(false);
        if (connection.RemoteEndPoint.Cid == cid)
        {
            take(connection.Stream);
        }
        else
        {
            Track(PassOnAsync(connection));
        }
    }

    // Connections that have come about would be reset with the listener.
    async Task AcceptWaitingAsync()
    {
        try
        {
            while (true)
            {
                // A moment for each: on a machine that is busy a single one would be over before the first was taken.
                using var moment = new CancellationTokenSource(s_moment, time);
                await AcceptAsync(moment.Token).ConfigureAwait(false);
            }
        }
        catch (Exception exception) when (exception is OperationCanceledException or VsockException)
        {
            // No more of them.
        }
    }

    async Task RegisterAllAsync(Socket listening, CancellationToken cancellationToken)
    {
        try
        {
            while (true)
            {
                try
                {
                    RegisterIfPermitted(await listening.AcceptAsync(cancellationToken).ConfigureAwait(false), cancellationToken);
                }
                catch (SocketException)
                {
                    // A peer that was gone before it was accepted, or no descriptor left for now: others wait.
                    await Task.Delay(s_pause, time, cancellationToken).ConfigureAwait(false);
                }
            }
        }
        catch (OperationCanceledException)
        {
            // The owner goes.
        }
    }

    void RegisterIfPermitted(Socket process, CancellationToken cancellationToken)
    {
        if (HeartbeatRegistrants.Permits(process, Path.GetDirectoryName(path)!))
        {
            _ = RegisterAsync(new NetworkStream(process, ownsSocket: true), cancellationToken);
        }
        else
        {
            process.Dispose();
        }
    }

    // Those who wait see their connection end, and look for the next owner.
    async Task SendAwayAsync()
    {
        foreach (var channel in _waiting.Values)
        {
            channel.Writer.TryComplete();
            while (channel.Reader.TryRead(out var stream))
            {
                await stream.DisposeAsync().ConfigureAwait(false);
            }
        }
    }

    async Task RegisterAsync(NetworkStream stream, CancellationToken cancellationToken)
    {
        using var deadline = new CancellationTokenSource(s_registrationPatience, time);
        using var either = CancellationTokenSource.CreateLinkedTokenSource(deadline.Token, cancellationToken);
        try
        {
            var bytes = new byte[sizeof(uint)];
            await stream.ReadExactlyAsync(bytes, either.Token).ConfigureAwait(false);
            if (!WaitingFor(BinaryPrimitives.ReadUInt32LittleEndian(bytes)).Writer.TryWrite(stream))
            {
                await stream.DisposeAsync().ConfigureAwait(false);
            }

            if (cancellationToken.IsCancellationRequested)
            {
                // It came when the others were sent away.
                await SendAwayAsync().ConfigureAwait(false);
            }
        }
        catch (Exception exception) when (exception is OperationCanceledException or IOException)
        {
            await stream.DisposeAsync().ConfigureAwait(false);
        }
    }

    void Track(Task passing)
    {
        _passing[passing] = true;
        passing.ContinueWith(task => _passing.TryRemove(task, out _), CancellationToken.None, TaskContinuationOptions.ExecuteSynchronously, TaskScheduler.Default);
    }

    async Task PassOnAsync(VsockConnection connection)
    {
        // An enclave may be faster than its process, which then registers in a moment.
        using var deadline = new CancellationTokenSource(s_connectionPatience, time);
        try
        {
            using (connection)
            {
                var waiting = WaitingFor(connection.RemoteEndPoint.Cid).Reader;
                while (!await TryPassOnAsync(connection, await waiting.ReadAsync(deadline.Token).ConfigureAwait(false), deadline.Token).ConfigureAwait(false))
                {
                }
            }
        }
        catch (Exception exception) when (exception is OperationCanceledException or IOException or ChannelClosedException)
        {
            // Nobody waits for this enclave, or one side is gone.
        }
    }

    /// <returns>Whether the process was still there.</returns>
    async Task<bool> TryPassOnAsync(VsockConnection connection, NetworkStream process, CancellationToken cancellationToken)
    {
        Interlocked.Increment(ref _conversations);
        try
        {
            await using (process.ConfigureAwait(false))
            {
                await process.WriteAsync(new[] { Connected }, cancellationToken).ConfigureAwait(false);
                // Either side's end is the end: both have said what they had to by then.
                await Task.WhenAny(connection.Stream.CopyToAsync(process, cancellationToken), process.CopyToAsync(connection.Stream, cancellationToken))
                    .ConfigureAwait(false);
                return true;
            }
        }
        catch (IOException)
        {
            return false;
        }
        finally
        {
            Interlocked.Decrement(ref _conversations);
        }
    }

    Channel<NetworkStream> WaitingFor(uint enclave) => _waiting.GetOrAdd(enclave, static _ => Channel.CreateUnbounded<NetworkStream>());

    // Who waits says nothing: what can be read of him is his end. He is put back if he is there still.
    static bool HasNoLivingReader(Channel<NetworkStream> waiting)
    {
        for (var left = waiting.Reader.Count; left > 0 && waiting.Reader.TryRead(out var process); left--)
        {
            if (!process.Socket.Poll(0, SelectMode.SelectRead) && waiting.Writer.TryWrite(process))
            {
                return false;
            }

            process.Dispose();
        }

        return true;
    }
}
