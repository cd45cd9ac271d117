using System.Net;
using System.Net.Sockets;
using System.Text;

namespace NitroEnclaves.Vsock;

/// <summary>
/// A Unix socket's address at its full size. <see cref="UnixDomainSocketEndPoint"/> is not used for listeners for two reasons: a
/// <see cref="Socket"/> bound with it ends the whole process by an exception of its own thread when it accepts a peer whose name is longer than
/// the listener's, and removes the file by its name when closed, although the name may belong to a successor by then.
/// </summary>
/// <param name="name">The bytes of <c>sun_path</c>; a first byte of zero puts the name into the abstract name space.</param>
sealed class UnixSocketName(byte[] name) : EndPoint
{
    /// <summary>The size of <c>struct sockaddr_un</c>: a u16 family and a name of 108 bytes.</summary>
    const int Size = 110;

    // The class library copies a peer's address into a buffer of ours, and of a path without an end the kernel says that it has one.
    const int Room = Size + 18;

    const int NameOffset = 2;

    /// <summary>The longest path: the kernel wants a zero byte after it.</summary>
    public const int MaxPath = Size - NameOffset - 1;

    public static UnixSocketName FromPath(string path) => new(Encoding.UTF8.GetBytes(path));

    public override AddressFamily AddressFamily => AddressFamily.Unix;

    /// <summary>The name's bytes; empty for a socket that was never bound.</summary>
    public ReadOnlySpan<byte> Name => name;

    public override SocketAddress Serialize()
    {
        var address = new SocketAddress(AddressFamily.Unix, Room) { Size = Size };
        var destination = address.Buffer.Span[NameOffset..Size];
        destination.Clear();
        name.CopyTo(destination);
        return address;
    }

    public override EndPoint Create(SocketAddress socketAddress) =>
        new UnixSocketName(socketAddress.Buffer.Span[Math.Min(NameOffset, socketAddress.Size)..socketAddress.Size].ToArray());
}
