using System.Text;
using NitroEnclaves.Virtio;
using NitroEnclaves.Vsock;

namespace NitroEnclaves.Enclaves;

/// <summary>The abstract names by which routers tell the other end of a Unix socket which guest calls (<see cref="VsockPeerName"/>).</summary>
static unsafe class VsockSocketName
{
    // Unsafe because bind(2) and getpeername(2) take struct sockaddr_un: a u16 family, and 108 bytes of name.

    /// <summary>Bytes of <c>struct sockaddr_un</c>.</summary>
    internal const int AddressSize = FamilySize + 108;

    const int FamilySize = sizeof(ushort);

    /// <summary>Names our end of a socket after a guest's port, unless the address would be longer than allowed.</summary>
    /// <param name="socket">A Unix socket that is neither bound nor connected.</param>
    /// <param name="request">Who calls.</param>
    /// <param name="unique">A number that no other socket of that guest's port has.</param>
    /// <param name="longest">Most bytes of the address, family included.</param>
    internal static void Bind(SafeDescriptor socket, in VsockConnectRequest request, uint unique, int longest = AddressSize)
    {
        var name = stackalloc byte[AddressSize];
        var bytes = new Span<byte>(name, AddressSize);
        bytes[0] = Interop.UnixSocket.AF_UNIX;
        bytes[1] = bytes[FamilySize] = 0;
        var size = FamilySize + 1 + VsockPeerName.Write(request.GuestCid, request.GuestPort, unique, bytes[(FamilySize + 1)..]);
        if (size <= longest)
        {
            // Should the router of another guest with this CID have the name, the peer stays unknown.
            Interop.UnixSocket.bind(socket, name, (uint)size);
        }
    }

    /// <summary>The guest that the other end is named after, or <see cref="VsockPeerName.Unknown"/>.</summary>
    internal static VsockEndPoint OfPeer(SafeDescriptor socket)
    {
        var name = stackalloc byte[AddressSize];
        uint size = AddressSize;
        if (Interop.UnixSocket.getpeername(socket, name, &size) != 0 || size <= FamilySize + 1 || name[FamilySize] != 0)
        {
            return VsockPeerName.Unknown;
        }

        Span<char> text = stackalloc char[AddressSize];
        var length = Encoding.ASCII.GetChars(new ReadOnlySpan<byte>(name + FamilySize + 1, (int)Math.Min(size, AddressSize) - FamilySize - 1), text);
        return VsockPeerName.Parse(text[..length]);
    }
}
