using NitroEnclaves.Virtio;

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

    /// <summary>How long a program that has connected may take to send its <c>CONNECT</c> line. Default: 5 s.</summary>
    public TimeSpan HandshakeTimeout { get; init; } = TimeSpan.FromSeconds(5);

    /// <summary>How many programs may be about to send it; one more displaces the one that has waited longest. Default: 1024.</summary>
    public int MaxHandshakes { get; init; } = 1024;

    /// <summary>Limits of the device.</summary>
    public VsockDeviceOptions Device { get; init; } = new();
}
