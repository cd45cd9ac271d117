namespace NitroEnclaves.Virtio;

/// <summary>A guest's request for a connection.</summary>
/// <param name="GuestCid">The guest's own CID.</param>
/// <param name="GuestPort">The guest's port.</param>
/// <param name="Cid">The CID asked for: any value that a program in the guest chose.</param>
/// <param name="Port">The port asked for.</param>
/// <param name="KeepsMessages">
/// Whether the guest's socket is of type SOCK_SEQPACKET. Then the answer is a socket of that type, or a refusal.
/// </param>
public readonly record struct VsockConnectRequest(uint GuestCid, uint GuestPort, uint Cid, uint Port, bool KeepsMessages = false);
