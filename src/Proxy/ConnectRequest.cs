using System.Text;

namespace NitroEnclaves.Proxy;

/// <summary>The head of a CONNECT request (RFC 9112, 3.2.3): a request line, headers that mean nothing here, an empty line.</summary>
public static class ConnectRequest
{
    /// <summary>Most bytes of a head.</summary>
    public const int MaxLength = 8 * 1024;

    /// <summary>Looks for the end of the head.</summary>
    /// <param name="bytes">What has come so far.</param>
    /// <returns>Bytes of the head, its empty line included, or -1 where more has to come.</returns>
    public static int FindEnd(ReadOnlySpan<byte> bytes) => bytes.IndexOf("\r\n\r\n"u8) is >= 0 and var end ? end + 4 : -1;

    /// <summary>Reads a head.</summary>
    /// <param name="head">A whole head.</param>
    /// <param name="target">The server that is asked for; null unless the outcome is <see cref="ConnectRequestOutcome.Valid"/>.</param>
    public static ConnectRequestOutcome Parse(ReadOnlySpan<byte> head, out ProxyTarget? target)
    {
        target = null;
        var line = head[..Math.Max(0, head.IndexOf("\r\n"u8))];
        var first = line.IndexOf((byte)' ');
        var last = line.LastIndexOf((byte)' ');
        if (first <= 0 || last <= first || !line[(last + 1)..].StartsWith("HTTP/1."u8) || line.Length - last != 9)
        {
            return ConnectRequestOutcome.Malformed;
        }

        if (!line[..first].SequenceEqual("CONNECT"u8))
        {
            return ConnectRequestOutcome.OtherMethod;
        }

        Span<char> text = stackalloc char[512];
        var authority = line[(first + 1)..last];
        return authority.Length <= text.Length && ProxyTarget.TryParse(text[..Encoding.Latin1.GetChars(authority, text)], out target)
            ? ConnectRequestOutcome.Valid
            : ConnectRequestOutcome.Malformed;
    }
}
