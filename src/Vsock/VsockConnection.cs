using System.Net.Sockets;

namespace NitroEnclaves.Vsock;

/// <summary>One vsock connection: its addresses, its socket and its stream. Disposing it closes the socket.</summary>
public sealed class VsockConnection : IDisposable, IAsyncDisposable
{
    readonly Action? _disposed;
    int _isDisposed;

    /// <summary>Takes over a socket that is connected already.</summary>
    /// <param name="socket">A connected stream socket of any family; owned from here on.</param>
    /// <param name="local">This end's address.</param>
    /// <param name="remote">The peer's address.</param>
    /// <param name="options">Time-outs of the stream; null for <see cref="VsockOptions.Default"/>.</param>
    public VsockConnection(Socket socket, VsockEndPoint local, VsockEndPoint remote, VsockOptions? options = null)
        : this(socket, local, remote, options ?? VsockOptions.Default, disposed: null)
    {
    }

    internal VsockConnection(Socket socket, VsockEndPoint local, VsockEndPoint remote, VsockOptions options, Action? disposed)
    {
        Socket = socket;
        LocalEndPoint = local;
        RemoteEndPoint = remote;
        Stream = new VsockStream(this, options);
        _disposed = disposed;
    }

    /// <summary>
    /// This end's address. On a connection to an emulated enclave the CID is <see cref="VsockAddress.NitroParent"/>, as the enclave sees it.
    /// </summary>
    public VsockEndPoint LocalEndPoint { get; }

    /// <summary>
    /// The peer's address. It says where bytes come from and proves nothing: what runs there is proven by attestation.
    /// A connection that came in from an emulated enclave of another maker has <see cref="VsockAddress.Any"/> here.
    /// </summary>
    public VsockEndPoint RemoteEndPoint { get; }

    /// <summary>The connection's bytes.</summary>
    public VsockStream Stream { get; }

    /// <summary>The socket beneath, of the vsock family or, for an emulated enclave, a Unix socket. Owned by the connection.</summary>
    public Socket Socket { get; }

    /// <summary>Connects through the kernel's vsock with default time-outs; see <see cref="VsockConnector"/> for the rest.</summary>
    /// <inheritdoc cref="VsockConnector.ConnectAsync(uint, uint, CancellationToken)"/>
    public static ValueTask<VsockConnection> ConnectAsync(uint cid, uint port, CancellationToken cancellationToken = default) =>
        VsockConnector.Default.ConnectAsync(cid, port, cancellationToken);

    /// <summary>
    /// Says that no more bytes follow: the peer reads to the end of the stream. Reading goes on. Does nothing on a connection that is gone.
    /// </summary>
    public void CompleteWrites()
    {
        try
        {
            Socket.Shutdown(SocketShutdown.Send);
        }
        catch (SocketException)
        {
            // The peer has closed or reset the connection; there is nobody left to tell.
        }
    }

    /// <summary>Closes the connection.</summary>
    public void Dispose()
    {
        if (Interlocked.Exchange(ref _isDisposed, 1) == 0)
        {
            Socket.Dispose();
            _disposed?.Invoke();
        }
    }

    /// <summary>Closes the connection; nothing is awaited.</summary>
    public ValueTask DisposeAsync()
    {
        Dispose();
        return ValueTask.CompletedTask;
    }
}
