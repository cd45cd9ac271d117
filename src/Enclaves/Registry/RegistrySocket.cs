using System.Net.Sockets;
using NitroEnclaves.Vsock;

namespace NitroEnclaves.Enclaves;

/// <summary>
/// Listening sockets in the registry's folder. Peers of any name are accepted, and the file stays when the socket is closed: it may have been
/// renamed with the enclave, and its old name be another's.
/// </summary>
static class RegistrySocket
{
    /// <summary>Listens.</summary>
    /// <param name="path">The socket's path, not taken yet, at most 107 bytes.</param>
    /// <param name="mode">Who may connect.</param>
    /// <param name="backlog">How many may wait to be accepted.</param>
    /// <exception cref="EnclaveException">The path is taken, or cannot be used (<see cref="EnclaveFailure.RegistryUnavailable"/>).</exception>
    public static Socket Listen(string path, UnixFileMode mode, int backlog = int.MaxValue)
    {
        var socket = new Socket(AddressFamily.Unix, SocketType.Stream, ProtocolType.Unspecified);
        try
        {
            socket.Bind(UnixSocketName.FromPath(path));
            // Before listen(2): nobody can connect in between.
            File.SetUnixFileMode(path, mode);
            socket.Listen(backlog);
            return socket;
        }
        catch (Exception exception) when (exception is SocketException or IOException or UnauthorizedAccessException)
        {
            socket.Dispose();
            throw new EnclaveException(EnclaveFailure.RegistryUnavailable, $"The socket {path} cannot be made: {exception.Message}", exception);
        }
    }
}
