using System.Globalization;
using System.Net.Sockets;
using System.Text;
using System.Text.Unicode;

namespace NitroEnclaves.Vsock;

/// <summary>
/// The name that an emulated enclave's router gives to its end of a Unix socket, so that the program that accepts the connection learns
/// which guest it comes from: in the abstract name space, <c>vsock/CID:PORT/</c> and a number that makes it unique.
/// </summary>
/// <remarks>A convenience, not a proof: any program that may connect to the socket may choose such a name.</remarks>
public static class VsockPeerName
{
    const string Prefix = "vsock/";

    /// <summary>The unknown peer, as reported for routers that give no name.</summary>
    public static VsockEndPoint Unknown { get; } = new(VsockAddress.Any, VsockAddress.AnyPort);

    /// <summary>Writes a name's bytes, without the zero byte that puts it into the abstract name space.</summary>
    /// <param name="cid">The guest's CID.</param>
    /// <param name="port">The guest's port.</param>
    /// <param name="unique">A number that no other connection of that port has at the same time.</param>
    /// <param name="destination">At least 40 bytes.</param>
    /// <returns>The bytes written.</returns>
    /// <exception cref="ArgumentException">The destination is too small.</exception>
    public static int Write(uint cid, uint port, uint unique, Span<byte> destination) =>
        Utf8.TryWrite(destination, CultureInfo.InvariantCulture, $"{Prefix}{cid}:{port}/{unique:x}", out var written)
            ? written
            : throw new ArgumentException("The destination is too small for a peer name.", nameof(destination));

    /// <summary>Reads a name without its leading zero byte; <see cref="Unknown"/> where it is not of this form.</summary>
    public static VsockEndPoint Parse(ReadOnlySpan<char> name)
    {
        if (!name.StartsWith(Prefix, StringComparison.Ordinal))
        {
            return Unknown;
        }

        name = name[Prefix.Length..];
        var slash = name.IndexOf('/');
        return slash > 0 && VsockEndPoint.TryParse(name[..slash], null, out var peer) ? peer : Unknown;
    }

    /// <summary>The guest behind a Unix socket that was accepted.</summary>
    internal static VsockEndPoint Read(Socket accepted)
    {
        var name = accepted.RemoteEndPoint is UnixSocketName remote ? remote.Name : default;
        return name.Length > 1 && name[0] == 0 ? Parse(Encoding.ASCII.GetString(name[1..]).TrimEnd('\0')) : Unknown;
    }
}
