namespace NitroEnclaves.Virtio;

/// <summary>What the sender of a <see cref="VsockOperation.Shutdown"/> will not do any more. Flags of several packets add up.</summary>
[Flags]
enum VsockShutdown : uint
{
    None = 0,

    /// <summary>VIRTIO_VSOCK_SHUTDOWN_RCV.</summary>
    WillNotReceive = 1,

    /// <summary>VIRTIO_VSOCK_SHUTDOWN_SEND.</summary>
    WillNotSend = 2,

    Both = WillNotReceive | WillNotSend,
}
