using System.Net.Sockets;

namespace NitroEnclaves.Vsock;

/// <summary>
/// One way to carry vsock connections: the kernel's vsock, or a Unix socket in the form that Firecracker introduced. Resolvers choose it;
/// programs never see the difference.
/// </summary>
public abstract class VsockRoute
{
    const int MaxUnixPath = UnixSocketName.MaxPath - 11;

    private protected VsockRoute()
    {
    }

    /// <summary>The vsock sockets of this machine's kernel.</summary>
    public static VsockRoute Native { get; } = new NativeVsockRoute();

    /// <summary>
    /// The Unix socket of a virtual machine's vsock device. Connections to the machine go to the socket at <paramref name="path"/>, which is
    /// sent <c>CONNECT port</c> and a line feed, and answers <c>OK port</c>; a listener for connections from it binds <c>path_port</c>.
    /// </summary>
    /// <param name="path">The path of the socket: at most 96 bytes as UTF-8, so that a port can be appended.</param>
    /// <exception cref="ArgumentException">The path is empty or too long for a socket.</exception>
    public static VsockRoute UnixSocket(string path)
    {
        ArgumentException.ThrowIfNullOrEmpty(path);
        return System.Text.Encoding.UTF8.GetByteCount(path) <= MaxUnixPath
            ? new UnixVsockRoute(path)
            : throw new ArgumentException($"The path of a Unix socket has at most {MaxUnixPath} bytes here.", nameof(path));
    }

    /// <summary>Connects; returns the socket, ready for the peer's bytes, and the local address.</summary>
    /// <exception cref="VsockException">The connection could not be made.</exception>
    internal abstract ValueTask<(Socket Socket, VsockEndPoint Local)> ConnectAsync(VsockEndPoint remote, CancellationToken cancellationToken);

    /// <summary>Starts to listen at a local address.</summary>
    /// <exception cref="VsockException">The address is taken, or the route does not exist here.</exception>
    internal abstract VsockRouteListener Listen(VsockEndPoint local, int backlog);
}
