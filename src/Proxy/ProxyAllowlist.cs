using System.Collections.Immutable;
using System.Net;
using System.Net.Sockets;

namespace NitroEnclaves.Proxy;

/// <summary>
/// The servers to which the parent's proxy leads. An entry is <c>host</c> or <c>host:port</c> (without a port: 443), where the host is a name,
/// <c>*.name</c> for every name below it, an address, or a range <c>10.0.0.0/8</c>. What no entry names is refused, and an empty list refuses all.
/// </summary>
public sealed class ProxyAllowlist
{
    const int HttpsPort = 443;
    readonly ImmutableArray<Entry> _entries;

    ProxyAllowlist(ImmutableArray<Entry> entries) => _entries = entries;

    /// <summary>How many entries it has.</summary>
    public int Count => _entries.Length;

    /// <summary>Reads entries.</summary>
    /// <exception cref="FormatException">One is not of the form; the message names it.</exception>
    public static ProxyAllowlist Parse(IEnumerable<string> entries)
    {
        ArgumentNullException.ThrowIfNull(entries);
        return new ProxyAllowlist([.. entries.Select(ParseEntry)]);
    }

    /// <summary>Whether the proxy may lead to a server, by the name or address that the enclave asks for.</summary>
    public bool Allows(ProxyTarget target)
    {
        ArgumentNullException.ThrowIfNull(target);
        return _entries.Any(entry => entry.Port == target.Port && entry.Matches(target.Host, target.Address));
    }

    /// <summary>
    /// AWS's second way onto the list: an entry with the server's port whose address is, or whose name leads to, the first address of the server.
    /// For servers that the parent's operator names, never for what an enclave asks for: many names share an address.
    /// </summary>
    internal async Task<bool> AllowsAddressAsync(
        ProxyTarget target, Func<string, CancellationToken, Task<IReadOnlyList<IPAddress>>> resolve, CancellationToken cancellationToken)
    {
        var entries = _entries.Where(entry => entry.Port == target.Port && entry.Name is not ['.', ..]).ToArray();
        if (entries.Length == 0 || await TryResolveAsync(target.Host).ConfigureAwait(false) is not [var wanted, ..])
        {
            return false;
        }

        foreach (var entry in entries)
        {
            if (entry.Network is { } network ? network.Contains(wanted) : (await TryResolveAsync(entry.Name!).ConfigureAwait(false)).Contains(wanted))
            {
                return true;
            }
        }

        return false;

        async Task<IReadOnlyList<IPAddress>> TryResolveAsync(string host)
        {
            try
            {
                return await resolve(host, cancellationToken).ConfigureAwait(false);
            }
            catch (SocketException)
            {
                return [];
            }
        }
    }

    /// <summary>
    /// Whether an allowed name may lead to an address that its owner's DNS gave. This machine itself and its links (the instance metadata
    /// service at 169.254.169.254 among them) are reached by entries that name the address, never through a name, but for <c>localhost</c>.
    /// </summary>
    public bool AllowsResolved(ProxyTarget target, IPAddress address)
    {
        ArgumentNullException.ThrowIfNull(target);
        ArgumentNullException.ThrowIfNull(address);
        address = address.IsIPv4MappedToIPv6 ? address.MapToIPv4() : address;
        return !IsLocal(address) || (target.Host == "localhost" && IPAddress.IsLoopback(address)) || _entries.Any(entry => entry.Port == target.Port && entry.Network is { } network && network.Contains(address));
    }

    static bool IsLocal(IPAddress address) => IPAddress.IsLoopback(address) || address.IsIPv6LinkLocal || address.IsIPv6Multicast
        || address.Equals(IPAddress.Any) || address.Equals(IPAddress.IPv6Any)
        || address.AddressFamily == AddressFamily.InterNetwork && address.GetAddressBytes() is [169, 254, ..] or [0, ..] or [>= 224, ..];

    static Entry ParseEntry(string text)
    {
        var (host, port) = (text, HttpsPort);
        if (text.LastIndexOf(':') is > 0 and var colon && colon > text.LastIndexOf(']') && ushort.TryParse(text.AsSpan(colon + 1), out var given) && given != 0)
        {
            (host, port) = (text[..colon], given);
        }

        if (host.Contains('/', StringComparison.Ordinal) && IPNetwork.TryParse(host.Trim('[', ']'), out var network))
        {
            return new Entry(null, network, port);
        }

        var isWildcard = host.StartsWith("*.", StringComparison.Ordinal);
        if (!ProxyTarget.TryParseHost(isWildcard ? host[2..] : host, out var name) || (isWildcard && IPAddress.TryParse(name, out _)))
        {
            throw new FormatException($"'{text}' is no server: those are name, *.name, address or range, with :port if it is not 443.");
        }

        return IPAddress.TryParse(name, out var address)
            ? new Entry(null, new IPNetwork(address, address.AddressFamily == AddressFamily.InterNetwork ? 32 : 128), port)
            : new Entry(isWildcard ? "." + name : name, null, port);
    }

    sealed record Entry(string? Name, IPNetwork? Network, int Port)
    {
        internal bool Matches(string host, IPAddress? address) => address is not null
            ? Network is { } network && network.Contains(address)
            : Name is ['.', ..] ? host.EndsWith(Name, StringComparison.Ordinal) && host.Length > Name.Length : host == Name;
    }
}
