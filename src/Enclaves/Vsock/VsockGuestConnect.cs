using NitroEnclaves.Virtio;

namespace NitroEnclaves.Enclaves;

/// <summary>Connects a host socket to a port of a guest, on the loop's thread: through its vsock device, or straight to its program.</summary>
/// <param name="socket">A connected stream socket, which the guest's side owns from here on.</param>
/// <param name="guestPort">The guest's port.</param>
/// <param name="completion">Hears the outcome, perhaps before this returns.</param>
/// <param name="hostCid">The CID from which the connection comes in the guest's eyes.</param>
/// <param name="hostPort">The port from which it comes; null for a free one.</param>
delegate void VsockGuestConnect(SafeDescriptor socket, uint guestPort, IVsockConnectCompletion completion, uint hostCid, uint? hostPort);
