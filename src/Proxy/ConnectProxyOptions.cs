using System.Net;

namespace NitroEnclaves.Proxy;

/// <summary>What a <see cref="ConnectProxy"/> serves, and its limits.</summary>
public sealed record ConnectProxyOptions
{
    /// <summary>The servers to which it leads.</summary>
    public required ProxyAllowlist Allowlist { get; init; }

    /// <summary>How long an enclave may take to say where it wants to go. Default: 10 s.</summary>
    public TimeSpan RequestTimeout { get; init; } = TimeSpan.FromSeconds(10);

    /// <summary>How long resolving and connecting may take. Default: 10 s.</summary>
    public TimeSpan ConnectTimeout { get; init; } = TimeSpan.FromSeconds(10);

    /// <summary>How long a connection may rest in both directions. Default: 10 min.</summary>
    public TimeSpan IdleTimeout { get; init; } = TimeSpan.FromMinutes(10);

    /// <summary>Resolves names; null for the system's resolver.</summary>
    public Func<string, CancellationToken, Task<IPAddress[]>>? Resolve { get; init; }

    /// <summary>Told of each connection that ended or was refused, a line each, without control characters; null for nobody.</summary>
    public Action<string>? Log { get; init; }

    internal ConnectProxyOptions Validated()
    {
        ArgumentNullException.ThrowIfNull(Allowlist);
        ArgumentOutOfRangeException.ThrowIfLessThanOrEqual(RequestTimeout, TimeSpan.Zero);
        ArgumentOutOfRangeException.ThrowIfLessThanOrEqual(ConnectTimeout, TimeSpan.Zero);
        ArgumentOutOfRangeException.ThrowIfLessThanOrEqual(IdleTimeout, TimeSpan.Zero);
        return this;
    }
}
