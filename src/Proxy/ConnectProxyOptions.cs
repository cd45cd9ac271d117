namespace NitroEnclaves.Proxy;

/// <summary>What a <see cref="ConnectProxy"/> serves, and its limits.</summary>
public sealed record ConnectProxyOptions : ProxyOptions
{
    /// <summary>How long an enclave may take to say where it wants to go. Default: 10 s.</summary>
    public TimeSpan RequestTimeout { get; init; } = TimeSpan.FromSeconds(10);

    internal override void Validate()
    {
        base.Validate();
        ArgumentOutOfRangeException.ThrowIfLessThanOrEqual(RequestTimeout, TimeSpan.Zero);
    }
}
