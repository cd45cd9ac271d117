using System.Globalization;
using System.Text;
using System.Text.Unicode;
using NitroEnclaves.Virtio;

namespace NitroEnclaves.Enclaves;

/// <summary>
/// Connects a guest's requests for other CIDs to the routers of those guests, through their Unix sockets and the handshake that programs
/// use. The other router learns who calls by the name of our end, and shows its guest the caller's CID and port.
/// </summary>
sealed unsafe class UnixPeerConnector : IVsockBackend
{
    // Unsafe because send(2) takes an address, here of a span on the stack.

    readonly Func<uint, string?> _pathOf;

    // From anywhere: routers of other registries may have guests with the same CIDs, and abstract names are the whole machine's.
    uint _unique = (uint)Random.Shared.Next();

    /// <param name="pathOf">The Unix socket of the guest with a CID, or null where the caller may not reach one.</param>
    internal UnixPeerConnector(Func<uint, string?> pathOf) => _pathOf = pathOf;

    public VsockConnectResult Connect(in VsockConnectRequest request)
    {
        Span<byte> address = stackalloc byte[VsockSocketName.AddressSize];
        address.Clear();
        if (_pathOf(request.Cid) is not { } path || Encoding.UTF8.GetByteCount(path) > address.Length - sizeof(ushort) - 1
            || SocketConnector.Create(Interop.UnixSocket.AF_UNIX) is not { } socket)
        {
            return VsockConnectResult.Refused;
        }

        address[0] = Interop.UnixSocket.AF_UNIX;
        var length = sizeof(ushort) + Encoding.UTF8.GetBytes(path, address[sizeof(ushort)..]) + 1;
        VsockSocketName.Bind(socket, request, _unique++);
        var result = SocketConnector.Connect(socket, address[..length], VsockGreeting.Reader);
        if (result.Socket is not null)
        {
            // A Unix socket that connected takes a line at once.
            Span<byte> line = stackalloc byte[VsockGreeting.MaxLine];
            Utf8.TryWrite(line, CultureInfo.InvariantCulture, $"CONNECT {request.Port}\n", out var written);
            fixed (byte* start = line)
            {
                Interop.UnixSocket.send(socket, start, (nuint)written, Interop.UnixSocket.MSG_DONTWAIT | Interop.UnixSocket.MSG_NOSIGNAL);
            }
        }

        return result;
    }
}
