using System.Buffers.Text;
using System.Globalization;
using System.Net.Sockets;
using System.Text;

namespace NitroEnclaves.Vsock;

/// <summary>
/// Connections through the Unix sockets of a virtual machine's vsock device, as Firecracker's and vhost-device-vsock's users know them.
/// </summary>
/// <param name="path">The socket that takes <c>CONNECT port</c>; listeners bind <c>path_port</c>.</param>
sealed class UnixVsockRoute(string path) : VsockRoute
{
    /// <summary>The longest answer: <c>OK 4294967295</c>, a carriage return and a line feed, and some patience.</summary>
    const int MaxAnswer = 32;

    internal override async ValueTask<(Socket Socket, VsockEndPoint Local)> ConnectAsync(
        VsockEndPoint remote, CancellationToken cancellationToken)
    {
        var socket = new Socket(AddressFamily.Unix, SocketType.Stream, ProtocolType.Unspecified);
        try
        {
            await socket.ConnectAsync(new UnixDomainSocketEndPoint(path), cancellationToken).ConfigureAwait(false);
            var request = Encoding.ASCII.GetBytes(string.Create(CultureInfo.InvariantCulture, $"CONNECT {remote.Port}\n"));
            await socket.SendAsync(request, cancellationToken).ConfigureAwait(false);
            var port = await ReadAnswerAsync(socket, remote, cancellationToken).ConfigureAwait(false);
            return (socket, new VsockEndPoint(VsockAddress.NitroParent, port));
        }
        catch (SocketException exception)
        {
            socket.Dispose();
            throw exception.SocketErrorCode is SocketError.AddressNotAvailable or SocketError.ConnectionRefused && !File.Exists(path)
                ? new VsockException(VsockError.Unreachable, $"No connection to {remote}: there is no socket at {path}.", exception)
                : VsockException.Connecting(remote, exception);
        }
        catch
        {
            socket.Dispose();
            throw;
        }
    }

    internal override VsockRouteListener Listen(VsockEndPoint local, int backlog)
    {
        if (local.Port == VsockAddress.AnyPort)
        {
            throw new VsockException(VsockError.Unreachable, "A listener for emulated enclaves needs a port of its own: no one would choose a free one.");
        }

        var bound = string.Create(CultureInfo.InvariantCulture, $"{path}_{local.Port}");
        var socket = new Socket(AddressFamily.Unix, SocketType.Stream, ProtocolType.Unspecified);
        try
        {
            RemoveStale(bound);
            socket.Bind(UnixSocketName.FromPath(bound));
            socket.Listen(backlog);
            return new VsockRouteListener(socket, local, bound);
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

    /// <summary>
    /// Reads <c>OK port</c> up to its line feed and not a byte more: what follows already belongs to the connection, and is left in the
    /// socket by looking at it first.
    /// </summary>
    static async ValueTask<uint> ReadAnswerAsync(Socket socket, VsockEndPoint remote, CancellationToken cancellationToken)
    {
        var answer = new byte[MaxAnswer];
        var length = 0;
        while (length < MaxAnswer)
        {
            var seen = await socket.ReceiveAsync(answer.AsMemory(length), SocketFlags.Peek, cancellationToken).ConfigureAwait(false);
            if (seen == 0)
            {
                throw new VsockException(VsockError.ConnectionRefused, $"No connection to {remote}: nobody listens at that port.");
            }

            var end = answer.AsSpan(length, seen).IndexOf((byte)'\n');
            var take = end < 0 ? seen : end + 1;
            length += await socket.ReceiveAsync(answer.AsMemory(length, take), cancellationToken).ConfigureAwait(false);
            if (end >= 0)
            {
                return ParseAnswer(answer.AsSpan(0, length), remote);
            }
        }

        throw NotAnAnswer(remote);
    }

    static uint ParseAnswer(ReadOnlySpan<byte> answer, VsockEndPoint remote)
    {
        answer = answer.TrimEnd("\r\n"u8);
        return answer.StartsWith("OK "u8) && Utf8Parser.TryParse(answer[3..], out uint port, out var consumed) && consumed == answer.Length - 3
            ? port
            : throw NotAnAnswer(remote);
    }

    static VsockException NotAnAnswer(VsockEndPoint remote) =>
        new(VsockError.HandshakeFailed, $"No connection to {remote}: the socket answered with something other than OK and a port.");

    /// <summary>
    /// A socket file outlives a program that was killed. Nobody listens on such a file, so it may go. A file with content is no socket, and stays.
    /// </summary>
    static void RemoveStale(string bound)
    {
        if (new FileInfo(bound) is not { Exists: true, Length: 0 })
        {
            return;
        }

        using var probe = new Socket(AddressFamily.Unix, SocketType.Stream, ProtocolType.Unspecified);
        try
        {
            probe.Connect(new UnixDomainSocketEndPoint(bound));
        }
        catch (SocketException exception) when (exception.SocketErrorCode is SocketError.ConnectionRefused)
        {
            File.Delete(bound);
        }
        catch (SocketException)
        {
            // Whoever is there: binding will say that the address is in use.
        }
    }
}
