using System.Net.Sockets;

namespace NitroEnclaves.Vsock;

/// <summary>One listening socket of one route.</summary>
/// <param name="socket">The listening socket; owned.</param>
/// <param name="local">The address that it serves, with the port that the kernel chose.</param>
/// <param name="boundPath">The Unix socket's file, removed with the listener; null for vsock.</param>
sealed class VsockRouteListener(Socket socket, VsockEndPoint local, string? boundPath) : IDisposable
{
    public VsockEndPoint Local => local;

    /// <summary>Accepts one connection. An attempt that the peer gave up before it was accepted is passed over.</summary>
    /// <exception cref="ObjectDisposedException">The listener was disposed.</exception>
    /// <exception cref="SocketException">The system is out of descriptors or memory.</exception>
    public async Task<(Socket Socket, VsockEndPoint Remote)> AcceptAsync()
    {
        while (true)
        {
            try
            {
                var accepted = await socket.AcceptAsync().ConfigureAwait(false);
                return (accepted, boundPath is null ? (VsockEndPoint)accepted.RemoteEndPoint! : VsockPeerName.Read(accepted));
            }
            catch (SocketException exception) when (exception.SocketErrorCode is SocketError.OperationAborted)
            {
                throw new ObjectDisposedException(nameof(VsockListener), exception);
            }
            catch (SocketException exception) when (exception.SocketErrorCode is SocketError.ConnectionAborted or SocketError.ConnectionReset
                                                        or SocketError.NotConnected)
            {
            }
        }
    }

    public void Dispose()
    {
        // Removed before the socket closes: afterwards the name may already belong to the next listener.
        if (boundPath is not null)
        {
            File.Delete(boundPath);
        }

        socket.Dispose();
    }
}
