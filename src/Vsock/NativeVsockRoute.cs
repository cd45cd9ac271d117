using System.Net.Sockets;

namespace NitroEnclaves.Vsock;

/// <summary>Connections through the kernel's vsock.</summary>
sealed class NativeVsockRoute : VsockRoute
{
    internal override async ValueTask<(Socket Socket, VsockEndPoint Local)> ConnectAsync(
        VsockEndPoint remote, CancellationToken cancellationToken)
    {
        var socket = VsockSocket.Create();
        try
        {
            await socket.ConnectAsync(remote, cancellationToken).ConfigureAwait(false);
            return (socket, (VsockEndPoint)socket.LocalEndPoint!);
        }
        catch (SocketException exception)
        {
            socket.Dispose();
            throw VsockException.Connecting(remote, exception);
        }
        catch
        {
            socket.Dispose();
            throw;
        }
    }

    internal override VsockRouteListener Listen(VsockEndPoint local, int backlog)
    {
        var socket = VsockSocket.Create();
        try
        {
            socket.Bind(local);
            socket.Listen(backlog);
            return new VsockRouteListener(socket, (VsockEndPoint)socket.LocalEndPoint!, boundPath: null);
        }
        catch (SocketException exception)
        {
            socket.Dispose();
            throw VsockException.Listening(local, exception);
        }
        catch
        {
            socket.Dispose();
            throw;
        }
    }
}
