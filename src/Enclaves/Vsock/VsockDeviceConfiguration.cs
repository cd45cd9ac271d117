namespace NitroEnclaves.Enclaves;

/// <summary>One virtual machine that a <see cref="VsockDeviceServer"/> serves: the options of <c>nitro vsock-device</c>.</summary>
public sealed record VsockDeviceConfiguration
{
    /// <summary>The guest's CID, 3 to 2^32-2.</summary>
    public uint GuestCid { get; init; } = 3;

    /// <summary>The vhost-user socket to which the hypervisor connects, at most 107 bytes.</summary>
    public required string SocketPath { get; init; }

    /// <summary>
    /// The Unix socket for programs, at most 96 bytes: <c>CONNECT port</c> leads into the guest, and what the guest dials arrives at
    /// <c>path_port</c>. Null for none.
    /// </summary>
    public string? UnixPath { get; init; }

    /// <summary>The CID of this machine's own vsock to which the guest's connections go. Null for none.</summary>
    public uint? ForwardCid { get; init; }

    /// <summary>Ports of this machine's own vsock whose connections go to the guest.</summary>
    public IReadOnlyList<uint> ForwardListen { get; init; } = [];

    /// <summary>Bytes kept per connection for a program that does not read, 4 KiB to 16 MiB. Default: 256 KiB.</summary>
    public int TransmitBufferSize { get; init; } = 256 * 1024;

    /// <summary>Most entries of a queue, a power of two up to 32768. Default: 1024.</summary>
    public int QueueSize { get; init; } = 1024;

    /// <summary>Guests with a group in common reach each other by their CIDs.</summary>
    public IReadOnlyList<string> Groups { get; init; } = ["default"];
}
