using System.Diagnostics.CodeAnalysis;
using System.Globalization;
using System.Net;

namespace NitroEnclaves.Enclaves;

/// <summary>
/// A bridge between TCP and a guest's vsock, as written <c>tcp:[ADDRESS:]PORT=vsock:PORT</c> (connections to the parent's TCP port go to the
/// guest's port) or <c>vsock:PORT=tcp:[ADDRESS:]PORT</c> (connections that the guest makes to the parent's vsock port go to the TCP port).
/// Without an address it is 127.0.0.1; a forward into an enclave listens where it is told to and nowhere else.
/// </summary>
/// <param name="ToGuest">Whether connections go into the guest.</param>
/// <param name="Tcp">The TCP end.</param>
/// <param name="VsockPort">The guest's port, or the parent's one that the guest dials.</param>
public sealed record VsockForward(bool ToGuest, IPEndPoint Tcp, uint VsockPort)
{
    const string TcpScheme = "tcp:";
    const string VsockScheme = "vsock:";

    /// <summary>Reads the form that <c>--forward</c> takes.</summary>
    /// <exception cref="FormatException">It is not of that form.</exception>
    public static VsockForward Parse(string text) => TryParse(text, out var forward)
        ? forward
        : throw new FormatException($"'{text}' is no forward; it looks like tcp:8080=vsock:5000 or vsock:5000=tcp:8080.");

    /// <summary>Reads the form that <c>--forward</c> takes.</summary>
    public static bool TryParse([NotNullWhen(true)] string? text, [NotNullWhen(true)] out VsockForward? forward)
    {
        forward = null;
        if (text?.Split('=') is not [var from, var to])
        {
            return false;
        }

        if (TryParseTcp(from, out var tcp) && TryParseVsock(to, out var port))
        {
            forward = new VsockForward(ToGuest: true, tcp, port);
        }
        else if (TryParseVsock(from, out port) && TryParseTcp(to, out tcp) && tcp.Port != 0)
        {
            forward = new VsockForward(ToGuest: false, tcp, port);
        }

        return forward is not null;
    }

    /// <summary>The form that <see cref="Parse"/> reads.</summary>
    public override string ToString() => ToGuest
        ? string.Create(CultureInfo.InvariantCulture, $"{TcpScheme}{Tcp}={VsockScheme}{VsockPort}")
        : string.Create(CultureInfo.InvariantCulture, $"{VsockScheme}{VsockPort}={TcpScheme}{Tcp}");

    static bool TryParseTcp(string text, [NotNullWhen(true)] out IPEndPoint? tcp)
    {
        tcp = null;
        if (!text.StartsWith(TcpScheme, StringComparison.OrdinalIgnoreCase))
        {
            return false;
        }

        var rest = text[TcpScheme.Length..];
        if (ushort.TryParse(rest, NumberStyles.None, CultureInfo.InvariantCulture, out var port))
        {
            tcp = new IPEndPoint(IPAddress.Loopback, port);
            return true;
        }

        // An address without a port would be read as port 0.
        var named = rest.StartsWith("localhost:", StringComparison.OrdinalIgnoreCase) ? "127.0.0.1" + rest["localhost".Length..] : rest;
        return named.LastIndexOf(':') > named.LastIndexOf(']') && IPEndPoint.TryParse(named, out tcp);
    }

    static bool TryParseVsock(string text, out uint port)
    {
        port = 0;
        return text.StartsWith(VsockScheme, StringComparison.OrdinalIgnoreCase)
            && uint.TryParse(text.AsSpan(VsockScheme.Length), NumberStyles.None, CultureInfo.InvariantCulture, out port)
            && port != uint.MaxValue;
    }
}
