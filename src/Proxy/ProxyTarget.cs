using System.Diagnostics.CodeAnalysis;
using System.Globalization;
using System.Net;

namespace NitroEnclaves.Proxy;

/// <summary>A server that an enclave asks for: what stands behind CONNECT (RFC 9110, 9.3.6), <c>host:port</c>.</summary>
/// <param name="Host">A name in lower case without a final dot, or an address in its usual form, without brackets.</param>
/// <param name="Port">1 to 65535.</param>
public sealed record ProxyTarget(string Host, int Port)
{
    // RFC 1035: 255 octets on the wire.
    const int MaxHost = 253;

    /// <summary>The address, where the host is one and no name.</summary>
    public IPAddress? Address => IPAddress.TryParse(Host, out var address) ? address : null;

    /// <summary>Reads <c>name:443</c>, <c>10.0.0.1:443</c> or <c>[::1]:443</c>.</summary>
    public static bool TryParse(ReadOnlySpan<char> text, [NotNullWhen(true)] out ProxyTarget? target)
    {
        target = null;
        var colon = text.LastIndexOf(':');
        if (colon <= 0 || !int.TryParse(text[(colon + 1)..], NumberStyles.None, CultureInfo.InvariantCulture, out var port) || port is < 1 or > IPEndPoint.MaxPort
            || !TryParseHost(text[..colon], out var host))
        {
            return false;
        }

        target = new ProxyTarget(host, port);
        return true;
    }

    /// <summary><c>host:port</c>, an IPv6 address in brackets.</summary>
    public override string ToString() => string.Create(CultureInfo.InvariantCulture, $"{(Host.Contains(':', StringComparison.Ordinal) ? $"[{Host}]" : Host)}:{Port}");

    /// <summary>Reads a host alone; an IPv6 address stands in brackets.</summary>
    internal static bool TryParseHost(ReadOnlySpan<char> text, [NotNullWhen(true)] out string? host)
    {
        host = null;
        if (text is ['[', .. var inner, ']'])
        {
            // A scope would name an interface of the parent.
            if (inner.Contains('%') || !IPAddress.TryParse(inner, out var address) || address.AddressFamily != System.Net.Sockets.AddressFamily.InterNetworkV6)
            {
                return false;
            }

            host = address.ToString();
            return true;
        }

        text = text.TrimEnd('.');
        if (text.IsEmpty || text.Length > MaxHost || text[0] is '.' or '-')
        {
            return false;
        }

        foreach (var character in text)
        {
            if (!char.IsAsciiLetterOrDigit(character) && character is not ('.' or '-' or '_'))
            {
                return false;
            }
        }

        // Numbers that C libraries take for addresses (0x7f.1, 2130706433) are neither names nor in the usual form.
        var isNumeric = char.IsAsciiDigit(text[^1]) || text[(text.LastIndexOf('.') + 1)..].StartsWith("0x", StringComparison.OrdinalIgnoreCase);
        if (isNumeric && !(IPAddress.TryParse(text, out var ip) && text.SequenceEqual(ip.ToString())))
        {
            return false;
        }

        host = text.ToString().ToLowerInvariant();
        return true;
    }
}
