using System.Globalization;
using System.Text;
using System.Text.Unicode;
using NitroEnclaves.Virtio;

namespace NitroEnclaves.Enclaves;

/// <summary>
/// Connects a guest's requests, for streams and for messages (SOCK_SEQPACKET), to programs that listen with such a socket at <c>path_port</c>. A connect to a Unix socket succeeds or fails at once; a
/// listener whose backlog is full counts as one that refuses, so that it holds up nobody but its own clients.
/// </summary>
sealed class UnixPortConnector : IVsockBackend
{
    const int FamilySize = sizeof(ushort);

    // An underscore, ten digits and the zero byte.
    const int SuffixSize = 12;

    readonly byte[] _path;

    // From anywhere: routers of other registries may have guests with the same CIDs, and abstract names are the whole machine's.
    uint _unique = (uint)Random.Shared.Next();

    /// <param name="path">At most 96 bytes as UTF-8.</param>
    /// <exception cref="ArgumentException">The path is empty or too long.</exception>
    internal UnixPortConnector(string path)
    {
        ArgumentException.ThrowIfNullOrEmpty(path);
        _path = Encoding.UTF8.GetBytes(path);
        if (_path.Length > VsockSocketName.AddressSize - FamilySize - SuffixSize)
        {
            throw new ArgumentException(
                $"The path of a Unix socket has at most {VsockSocketName.AddressSize - FamilySize - SuffixSize} bytes here: {path}", nameof(path));
        }
    }

    public VsockConnectResult Connect(in VsockConnectRequest request)
    {
        Span<byte> address = stackalloc byte[VsockSocketName.AddressSize];
        address = address[..WriteAddress(request.Port, address)];
        if (SocketConnector.Create(Interop.UnixSocket.AF_UNIX, request.KeepsMessages) is not { } socket)
        {
            return VsockConnectResult.Refused;
        }

        // Left out where it would be longer than the listener's own address: .NET's sockets cannot accept such peers.
        VsockSocketName.Bind(socket, request, _unique++, longest: address.Length);
        return SocketConnector.Connect(socket, address);
    }

    /// <summary>Connects a socket that is there already, and leaves it open whatever comes of it.</summary>
    /// <param name="socket">A Unix socket that does not block.</param>
    /// <param name="request">Who asks for what.</param>
    /// <param name="isNamed">Whether the socket has a name, and gets none.</param>
    /// <returns>Whether somebody listens there.</returns>
    internal bool TryConnect(SafeDescriptor socket, in VsockConnectRequest request, bool isNamed)
    {
        Span<byte> address = stackalloc byte[VsockSocketName.AddressSize];
        address = address[..WriteAddress(request.Port, address)];
        if (!isNamed)
        {
            VsockSocketName.Bind(socket, request, Interlocked.Increment(ref _unique), longest: address.Length);
        }

        // Connecting what is not ours to close: the descriptor is lent.
        using var lent = new SafeDescriptor((int)socket.DangerousGetHandle(), ownsHandle: false);
        return SocketConnector.Connect(lent, address).Socket is not null;
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
}
