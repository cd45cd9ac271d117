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
/// connection connects again.
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

    readonly ConcurrentDictionary<uint, Channel<NetworkStream>> _waiting = new();

    /// <summary>Serves the port until the token is cancelled, which throws.</summary>
    public async Task ServeAsync(CancellationToken cancellationToken)
    {
        // Whoever has the port has the name too: a file that is there is of an owner that was killed.
        File.Delete(path);
        using var socket = new Socket(AddressFamily.Unix, SocketType.Stream, ProtocolType.Unspecified);
        socket.Bind(new UnixDomainSocketEndPoint(path));
        socket.Listen(Backlog);
        using var ending = CancellationTokenSource.CreateLinkedTokenSource(cancellationToken);
        var registering = RegisterAllAsync(socket, ending.Token);
        try
        {
            while (true)
            {
                var connection = await listener.AcceptAsync(ending.Token).ConfigureAwait(false);
                if (connection.RemoteEndPoint.Cid == cid)
                {
                    take(connection.Stream);
                }
                else
                {
                    _ = PassOnAsync(connection, ending.Token);
                }
            }
        }
        finally
        {
            // Before the port is free: the next owner makes a file of its own.
            File.Delete(path);
            await ending.CancelAsync().ConfigureAwait(false);
            await registering.ConfigureAwait(false);
        }
    }

    async Task RegisterAllAsync(Socket listening, CancellationToken cancellationToken)
    {
        try
        {
            while (true)
            {
                _ = RegisterAsync(new NetworkStream(await listening.AcceptAsync(cancellationToken).ConfigureAwait(false), ownsSocket: true), cancellationToken);
            }
        }
        catch (Exception exception) when (exception is OperationCanceledException or SocketException)
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
        }
        catch (Exception exception) when (exception is OperationCanceledException or IOException)
        {
            await stream.DisposeAsync().ConfigureAwait(false);
        }
    }

    async Task PassOnAsync(VsockConnection connection, CancellationToken cancellationToken)
    {
        // An enclave may be faster than its process, which then registers in a moment.
        using var deadline = new CancellationTokenSource(s_connectionPatience, time);
        using var either = CancellationTokenSource.CreateLinkedTokenSource(deadline.Token, cancellationToken);
        try
        {
            using (connection)
            {
                var waiting = WaitingFor(connection.RemoteEndPoint.Cid).Reader;
                while (!await TryPassOnAsync(connection, await waiting.ReadAsync(either.Token).ConfigureAwait(false), either.Token).ConfigureAwait(false))
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
    static async Task<bool> TryPassOnAsync(VsockConnection connection, NetworkStream process, CancellationToken cancellationToken)
    {
        await using (process.ConfigureAwait(false))
        {
            try
            {
                await process.WriteAsync(new[] { Connected }, cancellationToken).ConfigureAwait(false);
            }
            catch (IOException)
            {
                return false;
            }

            // Either side's end is the end: both have said what they had to by then.
            await Task.WhenAny(connection.Stream.CopyToAsync(process, cancellationToken), process.CopyToAsync(connection.Stream, cancellationToken))
                .ConfigureAwait(false);
            return true;
        }
    }

    Channel<NetworkStream> WaitingFor(uint enclave) => _waiting.GetOrAdd(enclave, static _ => Channel.CreateUnbounded<NetworkStream>());
}
