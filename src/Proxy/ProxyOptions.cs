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

    /// <summary>How long a connection may rest in both directions. Default: 10 min.</summary>
    public TimeSpan IdleTimeout { get; init; } = TimeSpan.FromMinutes(10);

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
        ArgumentOutOfRangeException.ThrowIfLessThanOrEqual(IdleTimeout, TimeSpan.Zero);
    }
}
