using System.Diagnostics.CodeAnalysis;
using System.Globalization;
using System.Net;
using System.Net.Sockets;

namespace NitroEnclaves.Vsock;

/// <summary>
/// A vsock address: the context identifier (CID) of a machine and a 32-bit port on it. Equal by value; written as <c>vsock://16:5000</c>.
/// </summary>
/// <remarks>
/// The wire form is <c>struct sockaddr_vm</c> of <c>linux/vm_sockets.h</c>: u16 family, u16 zero, u32 port, u32 CID, u8 flags, 3 zero bytes,
/// all in the machine's byte order.
/// </remarks>
public sealed class VsockEndPoint : EndPoint, IEquatable<VsockEndPoint>, ISpanParsable<VsockEndPoint>
{
    const int SocketAddressSize = 16;
    const string Prefix = VsockAddress.UriScheme + "://";

    /// <summary>Makes the address of a port on a machine.</summary>
    /// <param name="cid">The machine's CID; see <see cref="VsockAddress"/> for the well-known ones.</param>
    /// <param name="port">The port; <see cref="VsockAddress.AnyPort"/> lets the kernel choose one when listening.</param>
    public VsockEndPoint(uint cid, uint port)
    {
        Cid = cid;
        Port = port;
    }

    /// <summary>The machine's context identifier.</summary>
    public uint Cid { get; }

    /// <summary>The port.</summary>
    public uint Port { get; }

    /// <summary>
    /// Always <see cref="AddressFamily.Unknown"/>: <see cref="Socket"/> refuses families that it has no name for, and accepts this one for
    /// sockets that were made outside of it. The serialized form says <see cref="VsockAddress.Family"/>.
    /// </summary>
    public override AddressFamily AddressFamily => AddressFamily.Unknown;

    /// <summary>The address as <c>struct sockaddr_vm</c>, for <see cref="Socket"/>.</summary>
    public override SocketAddress Serialize()
    {
        var address = new SocketAddress(AddressFamily.Unspecified, SocketAddressSize);
        var bytes = address.Buffer.Span;
        bytes[..SocketAddressSize].Clear();
        BitConverter.TryWriteBytes(bytes, (ushort)VsockAddress.Family);
        BitConverter.TryWriteBytes(bytes[4..], Port);
        BitConverter.TryWriteBytes(bytes[8..], Cid);
        return address;
    }

    /// <summary>Reads an address that <see cref="Socket"/> was given by the kernel.</summary>
    /// <param name="socketAddress">At least 12 bytes of <c>struct sockaddr_vm</c>.</param>
    /// <exception cref="ArgumentException">The address is of another family, or too short.</exception>
    public override EndPoint Create(SocketAddress socketAddress)
    {
        ArgumentNullException.ThrowIfNull(socketAddress);
        var bytes = socketAddress.Buffer.Span[..socketAddress.Size];
        if (bytes.Length < 12 || BitConverter.ToUInt16(bytes) != VsockAddress.Family)
        {
            throw new ArgumentException("The socket address is not one of vsock.", nameof(socketAddress));
        }

        return new VsockEndPoint(cid: BitConverter.ToUInt32(bytes[8..]), port: BitConverter.ToUInt32(bytes[4..]));
    }

    /// <summary>Reads <c>vsock://CID:PORT</c> or <c>CID:PORT</c>, both decimal.</summary>
    /// <exception cref="FormatException">The text is not such an address.</exception>
    public static VsockEndPoint Parse(string s, IFormatProvider? provider = null)
    {
        ArgumentNullException.ThrowIfNull(s);
        return Parse(s.AsSpan(), provider);
    }

    /// <inheritdoc cref="Parse(string, IFormatProvider?)"/>
    public static VsockEndPoint Parse(ReadOnlySpan<char> s, IFormatProvider? provider = null) =>
        TryParse(s, provider, out var endPoint) ? endPoint : throw new FormatException($"'{s}' is not a vsock address of the form vsock://CID:PORT.");

    /// <summary>Reads <c>vsock://CID:PORT</c> or <c>CID:PORT</c>, both decimal; false where the text is anything else.</summary>
    public static bool TryParse([NotNullWhen(true)] string? s, [NotNullWhen(true)] out VsockEndPoint? result) => TryParse(s.AsSpan(), null, out result);

    /// <inheritdoc cref="TryParse(string?, out VsockEndPoint?)"/>
    public static bool TryParse([NotNullWhen(true)] string? s, IFormatProvider? provider, [NotNullWhen(true)] out VsockEndPoint? result) =>
        TryParse(s.AsSpan(), provider, out result);

    /// <inheritdoc cref="TryParse(string?, out VsockEndPoint?)"/>
    public static bool TryParse(ReadOnlySpan<char> s, IFormatProvider? provider, [NotNullWhen(true)] out VsockEndPoint? result)
    {
        if (s.StartsWith(Prefix, StringComparison.OrdinalIgnoreCase))
        {
            s = s[Prefix.Length..];
        }

        var colon = s.IndexOf(':');
        if (colon < 0
            || !uint.TryParse(s[..colon], NumberStyles.None, CultureInfo.InvariantCulture, out var cid)
            || !uint.TryParse(s[(colon + 1)..], NumberStyles.None, CultureInfo.InvariantCulture, out var port))
        {
            result = null;
            return false;
        }

        result = new VsockEndPoint(cid, port);
        return true;
    }

    /// <summary>The address as <c>vsock://CID:PORT</c>.</summary>
    public override string ToString() => string.Create(CultureInfo.InvariantCulture, $"{Prefix}{Cid}:{Port}");

    /// <inheritdoc/>
    public bool Equals([NotNullWhen(true)] VsockEndPoint? other) => other is not null && other.Cid == Cid && other.Port == Port;

    /// <inheritdoc/>
    public override bool Equals([NotNullWhen(true)] object? obj) => Equals(obj as VsockEndPoint);

    /// <inheritdoc/>
    public override int GetHashCode() => HashCode.Combine(Cid, Port);
}
