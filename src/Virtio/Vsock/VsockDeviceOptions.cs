namespace NitroEnclaves.Virtio;

/// <summary>Limits of a <see cref="VsockVirtioDevice"/>. The defaults suit an enclave on a developer's machine and a busy one alike.</summary>
public sealed record VsockDeviceOptions
{
    /// <summary>
    /// Bytes that are kept per connection for a host program that does not read, announced to the guest as <c>buf_alloc</c>;
    /// 4 KiB to 16 MiB, default 256 KiB. Memory is used only for what is really waiting.
    /// </summary>
    public int BufferSize { get; init; } = 256 * 1024;

    /// <summary>
    /// Bytes that wait for host programs on all connections together, default 256 MiB. A connection that would go above it is reset.
    /// </summary>
    public long BufferLimit { get; init; } = 256L * 1024 * 1024;

    /// <summary>Most connections at once, default 16,384. Requests above it are refused.</summary>
    public int MaxConnections { get; init; } = 16 * 1024;

    /// <summary>How long a connection may take to come about, in either direction. Default: 5 s.</summary>
    public TimeSpan ConnectTimeout { get; init; } = TimeSpan.FromSeconds(5);

    /// <summary>
    /// How long a closed connection waits for the guest's confirmation, or for a host program to take the last bytes, before the guest
    /// is sent a reset. Default: 4 s; Linux gives up after 8.
    /// </summary>
    public TimeSpan CloseTimeout { get; init; } = TimeSpan.FromSeconds(4);

    /// <summary>
    /// How long the last bytes of a connection that the guest has closed are kept for a host program that takes none. Default: 60 s.
    /// </summary>
    public TimeSpan DrainTimeout { get; init; } = TimeSpan.FromSeconds(60);

    /// <summary>Most entries of a queue, a power of two from 1 to 32768. Default: 1024, as virtio-mmio asks for.</summary>
    public int MaxQueueSize { get; init; } = 1024;

    internal VsockDeviceOptions Validated()
    {
        ArgumentOutOfRangeException.ThrowIfLessThan(BufferSize, 4 * 1024);
        ArgumentOutOfRangeException.ThrowIfGreaterThan(BufferSize, 16 * 1024 * 1024);
        ArgumentOutOfRangeException.ThrowIfLessThan(BufferLimit, BufferSize);
        ArgumentOutOfRangeException.ThrowIfLessThan(MaxConnections, 1);
        ArgumentOutOfRangeException.ThrowIfLessThanOrEqual(ConnectTimeout, TimeSpan.Zero);
        ArgumentOutOfRangeException.ThrowIfLessThanOrEqual(CloseTimeout, TimeSpan.Zero);
        ArgumentOutOfRangeException.ThrowIfLessThanOrEqual(DrainTimeout, TimeSpan.Zero);
        return this;
    }
}
