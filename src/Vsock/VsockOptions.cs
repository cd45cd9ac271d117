namespace NitroEnclaves.Vsock;

/// <summary>
/// Limits of connections, and how CIDs are reached. The defaults are finite throughout: a peer across the enclave's border is never
/// allowed to hold a thread, a task or a descriptor for ever unless the program says so.
/// </summary>
public sealed record VsockOptions
{
    /// <summary>The defaults.</summary>
    public static VsockOptions Default { get; } = new();

    /// <summary>The resolvers, asked in this order. Default: the kernel's vsock only.</summary>
    public IReadOnlyList<IVsockResolver> Resolvers { get; init; } = [VsockResolver.Native];

    /// <summary>How long a connection may take to come about, its handshake included. Default: 10 s.</summary>
    public TimeSpan ConnectTimeout { get; init; } = TimeSpan.FromSeconds(10);

    /// <summary>
    /// How long a read waits for the first byte, in every form of reading. Default: 2 min;
    /// <see cref="Timeout.InfiniteTimeSpan"/> for connections that may rest.
    /// </summary>
    public TimeSpan ReadTimeout { get; init; } = TimeSpan.FromMinutes(2);

    /// <summary>How long a write waits for a peer that takes no byte. Default: 2 min.</summary>
    public TimeSpan WriteTimeout { get; init; } = TimeSpan.FromMinutes(2);

    /// <summary>How many connections may wait to be accepted, 1 or more. Default: 512; the kernel has a limit of its own (somaxconn).</summary>
    public int Backlog { get; init; } = 512;

    /// <summary>
    /// How many accepted connections may be open at once, 1 or more; further ones wait in the backlog until one is disposed.
    /// Default: 4096.
    /// </summary>
    public int MaxConnections { get; init; } = 4096;

    /// <summary>The clock of the time-outs.</summary>
    public TimeProvider TimeProvider { get; init; } = TimeProvider.System;

    /// <summary>Throws <see cref="ArgumentOutOfRangeException"/> where a value cannot work.</summary>
    internal VsockOptions Validated()
    {
        ThrowIfNotPositive(ConnectTimeout, nameof(ConnectTimeout));
        ThrowIfNotPositive(ReadTimeout, nameof(ReadTimeout));
        ThrowIfNotPositive(WriteTimeout, nameof(WriteTimeout));
        ArgumentOutOfRangeException.ThrowIfLessThan(Backlog, 1);
        ArgumentOutOfRangeException.ThrowIfLessThan(MaxConnections, 1);
        ArgumentOutOfRangeException.ThrowIfZero(Resolvers.Count, nameof(Resolvers));
        return this;
    }

    static void ThrowIfNotPositive(TimeSpan value, string name)
    {
        if (value != Timeout.InfiniteTimeSpan && (value <= TimeSpan.Zero || value.TotalMilliseconds > int.MaxValue))
        {
            throw new ArgumentOutOfRangeException(name, value, "A time-out is above zero and at most 24 days, or infinite.");
        }
    }
}
