using System.Net;
using System.Net.Sockets;

namespace NitroEnclaves.Proxy;

/// <summary>What a proxy leads to, and its limits.</summary>
public record ProxyOptions
{
    /// <summary>The servers to which it leads.</summary>
    public required ProxyAllowlist Allowlist { get; init; }

    /// <summary>How long resolving and connecting may take. Default: 10 s.</summary>
    public TimeSpan ConnectTimeout { get; init; } = TimeSpan.FromSeconds(10);

    /// <summary>
    /// How long a connection may rest in both directions. Default: 10 min; <see cref="Timeout.InfiniteTimeSpan"/> for as long as both ends live.
    /// </summary>
    public TimeSpan IdleTimeout { get; init; } = TimeSpan.FromMinutes(10);

    /// <summary>How long connections may go on when the proxy is to end. Default: not at all.</summary>
    public TimeSpan DrainTimeout { get; init; }

    /// <summary>
    /// Asked at each connection for the servers to which it leads now, so that a list can be read anew meanwhile; null for
    /// <see cref="Allowlist"/>.
    /// </summary>
    public Func<ProxyAllowlist>? CurrentAllowlist { get; init; }

    /// <summary>IPv4 or IPv6 only; <see cref="AddressFamily.Unspecified"/>, the default, takes either.</summary>
    public AddressFamily AddressFamily { get; init; }

    /// <summary>Resolves names; null for the system's resolver.</summary>
    public Func<string, CancellationToken, Task<IPAddress[]>>? Resolve { get; init; }

    /// <summary>Told of each connection that ended or was refused, a line each, without control characters; null for nobody.</summary>
    public Action<string>? Log { get; init; }

    internal virtual void Validate()
    {
        ArgumentNullException.ThrowIfNull(Allowlist);
        ArgumentOutOfRangeException.ThrowIfLessThanOrEqual(ConnectTimeout, TimeSpan.Zero);
        ArgumentOutOfRangeException.ThrowIfLessThan(DrainTimeout, TimeSpan.Zero);
        if (IdleTimeout != Timeout.InfiniteTimeSpan)
        {
            ArgumentOutOfRangeException.ThrowIfLessThanOrEqual(IdleTimeout, TimeSpan.Zero);
        }
    }

    internal ProxyAllowlist AllowlistNow => CurrentAllowlist?.Invoke() ?? Allowlist;

    /// <summary>The addresses of a server, of the wanted family, in the resolver's order.</summary>
    /// <exception cref="SocketException">The name has none.</exception>
    internal async Task<IReadOnlyList<IPAddress>> ResolveAsync(string host, CancellationToken cancellationToken)
    {
        IPAddress[] all = IPAddress.TryParse(host, out var address) ? [address]
            : await (Resolve?.Invoke(host, cancellationToken) ?? Dns.GetHostAddressesAsync(host, cancellationToken)).ConfigureAwait(false);
        return [.. all.Where(found => AddressFamily == AddressFamily.Unspecified || found.AddressFamily == AddressFamily)];
    }
}
