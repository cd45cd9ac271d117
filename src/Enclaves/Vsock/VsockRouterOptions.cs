using NitroEnclaves.Virtio;
using NitroEnclaves.Vsock;

namespace NitroEnclaves.Enclaves;

/// <summary>What a <see cref="VsockRouter"/> serves, and its limits.</summary>
public sealed record VsockRouterOptions
{
    /// <summary>The guest's CID.</summary>
    public required uint GuestCid { get; init; }

    /// <summary>
    /// The Unix socket of this guest, at most 96 bytes: programs connect to it to reach the guest (<c>CONNECT port</c>), and listen at
    /// <c>path_port</c> to be reached. Null for none.
    /// </summary>
    public string? UnixPath { get; init; }

    /// <summary>
    /// A second place for listeners, tried after <see cref="UnixPath"/> and shared by several guests: programs that serve all enclaves of
    /// this machine listen at <c>path_port</c>. Null for none.
    /// </summary>
    public string? SharedUnixPath { get; init; }

    /// <summary>
    /// The CID from which this machine's programs come in the guest's eyes. Default: 3, as on Nitro; other virtual machines know their host
    /// as 2. The guest reaches them at both.
    /// </summary>
    public uint ParentCid { get; init; } = VsockAddress.NitroParent;

    /// <summary>Bridges between TCP ports and the guest's vsock.</summary>
    public IReadOnlyList<VsockForward> Forwards { get; init; } = [];

    /// <summary>
    /// A CID of this machine's own vsock (<c>AF_VSOCK</c>): what the guest dials at its parent and no listener above takes goes to the same
    /// port there. Null for none.
    /// </summary>
    public uint? ForwardCid { get; init; }

    /// <summary>Ports of this machine's own vsock whose connections go to the same port of the guest.</summary>
    public IReadOnlyList<uint> ForwardListen { get; init; } = [];

    /// <summary>
    /// The Unix socket of another guest that this one may dial by its CID, null for a CID that it may not. It is asked on the loop's thread.
    /// Null (the default) refuses all.
    /// </summary>
    public Func<uint, string?>? PeerPath { get; init; }

    /// <summary>What this guest reaches at CIDs that are neither the parent's nor known to <see cref="PeerPath"/>. Null refuses all.</summary>
    public IVsockBackend? Peers { get; init; }

    /// <summary>How long a program that has connected may take to send its <c>CONNECT</c> line. Default: 5 s.</summary>
    public TimeSpan HandshakeTimeout { get; init; } = TimeSpan.FromSeconds(5);

    /// <summary>How many programs may be about to send it; one more displaces the one that has waited longest. Default: 1024.</summary>
    public int MaxHandshakes { get; init; } = 1024;

    /// <summary>Limits of the device.</summary>
    public VsockDeviceOptions Device { get; init; } = new();
}
