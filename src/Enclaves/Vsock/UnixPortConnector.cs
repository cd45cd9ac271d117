using System.Globalization;
using System.Runtime.InteropServices;
using System.Text;
using System.Text.Unicode;
using NitroEnclaves.Virtio;
using NitroEnclaves.Vsock;

namespace NitroEnclaves.Enclaves;

/// <summary>
/// Connects a guest's requests to programs that listen at <c>path_port</c>. A connect to a Unix socket succeeds or fails at once; a
/// listener whose backlog is full counts as one that refuses, so that it holds up nobody but its own clients.
/// </summary>
sealed unsafe class UnixPortConnector
{
    // Unsafe because bind(2) and connect(2) take struct sockaddr_un: a u16 family, and a path with its zero byte, 108 bytes in all.

    const int FamilySize = sizeof(ushort);
    const int AddressSize = FamilySize + 108;

    // An underscore, ten digits and the zero byte.
    const int SuffixSize = 12;

    readonly byte[] _path;
    uint _unique;

    /// <param name="path">At most 96 bytes as UTF-8.</param>
    /// <exception cref="ArgumentException">The path is empty or too long.</exception>
    internal UnixPortConnector(string path)
    {
        ArgumentException.ThrowIfNullOrEmpty(path);
        _path = Encoding.UTF8.GetBytes(path);
        if (_path.Length > AddressSize - FamilySize - SuffixSize)
        {
            throw new ArgumentException($"The path of a Unix socket has at most {AddressSize - FamilySize - SuffixSize} bytes here: {path}", nameof(path));
        }
    }

    /// <summary>The connected socket, or null where nobody listens.</summary>
    internal SafeDescriptor? TryConnect(in VsockConnectRequest request)
    {
        var address = stackalloc byte[AddressSize];
        var length = WriteAddress(request.Port, new Span<byte>(address, AddressSize));
        var descriptor = Interop.UnixSocket.socket(
            Interop.UnixSocket.AF_UNIX, Interop.UnixSocket.SOCK_STREAM | Interop.UnixSocket.SOCK_CLOEXEC | Interop.UnixSocket.SOCK_NONBLOCK, 0);
        if (descriptor < 0)
        {
            return null;
        }

        var socket = new SafeDescriptor(descriptor);
        Name(socket, request, longest: length);
        int result;
        do
        {
            result = Interop.UnixSocket.connect(socket, address, (uint)length);
        }
        while (result != 0 && Marshal.GetLastPInvokeError() == Interop.UnixSocket.EINTR);
        if (result == 0)
        {
            return socket;
        }

        socket.Dispose();
        return null;
    }

    int WriteAddress(uint port, Span<byte> address)
    {
        address[0] = Interop.UnixSocket.AF_UNIX;
        address[1] = 0;
        _path.CopyTo(address[FamilySize..]);
        var used = FamilySize + _path.Length;
        Utf8.TryWrite(address[used..], CultureInfo.InvariantCulture, $"_{port}\0", out var suffix);
        return used + suffix;
    }

    // Tells the program who calls. Left out where the name would be longer than the listener's own: .NET's sockets cannot accept such peers.
    void Name(SafeDescriptor socket, in VsockConnectRequest request, int longest)
    {
        var name = stackalloc byte[AddressSize];
        var bytes = new Span<byte>(name, AddressSize);
        bytes[0] = Interop.UnixSocket.AF_UNIX;
        bytes[1] = bytes[FamilySize] = 0;
        var written = VsockPeerName.Write(request.GuestCid, request.GuestPort, _unique++, bytes[(FamilySize + 1)..]);
        var size = FamilySize + 1 + written;
        if (size <= longest)
        {
            // Should the router of another guest with this CID have the name, the peer stays unknown.
            Interop.UnixSocket.bind(socket, name, (uint)size);
        }
    }
}
