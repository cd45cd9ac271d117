using System.Net.Sockets;
using System.Text;

namespace NitroEnclaves.Vsock.Tests;

/// <summary>
/// A folder with the Unix socket of a scripted vsock device: takes connections, reads the CONNECT line and answers as the test says.
/// </summary>
sealed class EmulatedEnclave : IDisposable
{
    readonly DirectoryInfo _folder = Directory.CreateTempSubdirectory("nitro-vsock-");
    readonly Socket _socket = new(AddressFamily.Unix, SocketType.Stream, ProtocolType.Unspecified);

    public EmulatedEnclave()
    {
        _socket.Bind(new UnixDomainSocketEndPoint(Path));
        _socket.Listen(16);
    }

    public string Path => System.IO.Path.Combine(_folder.FullName, "v");

    public VsockRoute Route => VsockRoute.UnixSocket(Path);

    public VsockOptions Options => new() { Resolvers = [VsockResolver.Fixed(16, Route)] };

    /// <summary>Accepts one connection and reads its first line; then the test goes on with the socket.</summary>
    public async Task<(Socket Socket, string Line)> AcceptAsync()
    {
        var socket = await _socket.AcceptAsync();
        var line = new StringBuilder();
        var one = new byte[1];
        while (await socket.ReceiveAsync(one) == 1 && one[0] != '\n')
        {
            line.Append((char)one[0]);
        }

        return (socket, line.ToString());
    }

    /// <summary>Connects as the device does for a guest: straight to the listener's socket.</summary>
    public async Task<Socket> DialListenerAsync(uint port, byte[]? peerName = null)
    {
        var socket = new Socket(AddressFamily.Unix, SocketType.Stream, ProtocolType.Unspecified);
        if (peerName is not null)
        {
            socket.Bind(new UnixDomainSocketEndPoint("\0" + Encoding.ASCII.GetString(peerName)));
        }

        await socket.ConnectAsync(new UnixDomainSocketEndPoint($"{Path}_{port}"));
        return socket;
    }

    public void Dispose()
    {
        _socket.Dispose();
        _folder.Delete(recursive: true);
    }
}
