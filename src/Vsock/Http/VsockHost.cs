using System.Globalization;
using System.Net;

namespace NitroEnclaves.Vsock;

/// <summary>Vsock addresses as the host names of URIs: <c>CID.vsock</c>, <c>parent.vsock</c>, <c>PORT.CID.vsock</c>.</summary>
static class VsockHost
{
    const string Suffix = ".vsock";
    const string Parent = "parent";

    /// <summary>Reads a host name and a port.</summary>
    /// <exception cref="VsockException"><see cref="VsockError.Unreachable"/>: the host is not one of vsock.</exception>
    internal static VsockEndPoint Parse(DnsEndPoint host)
    {
        var name = host.Host.AsSpan();
        if (name.EndsWith(Suffix, StringComparison.OrdinalIgnoreCase))
        {
            name = name[..^Suffix.Length];
            var port = (uint)host.Port;
            var dot = name.IndexOf('.');
            if ((dot < 0 || TryParse(name[..dot], out port)) && TryParseCid(name[(dot + 1)..], out var cid))
            {
                return new VsockEndPoint(cid, port);
            }
        }

        throw new VsockException(VsockError.Unreachable, $"'{host.Host}' is not a vsock host: those are called CID.vsock, PORT.CID.vsock or parent.vsock.");
    }

    /// <summary>Turns <c>vsock://16:8080/path</c> into the <c>http</c> form; leaves other addresses as they are.</summary>
    internal static Uri? ToHttp(Uri? address)
    {
        if (address is not { IsAbsoluteUri: true, Scheme: VsockAddress.UriScheme })
        {
            return address;
        }

        var builder = new UriBuilder(address) { Scheme = Uri.UriSchemeHttp, Host = address.Host + Suffix, Port = address.Port };
        return builder.Uri;
    }

    static bool TryParseCid(ReadOnlySpan<char> text, out uint cid)
    {
        if (text.Equals(Parent, StringComparison.OrdinalIgnoreCase))
        {
            cid = VsockAddress.NitroParent;
            return true;
        }

        return TryParse(text, out cid);
    }

    static bool TryParse(ReadOnlySpan<char> text, out uint number) => uint.TryParse(text, NumberStyles.None, CultureInfo.InvariantCulture, out number);
}
