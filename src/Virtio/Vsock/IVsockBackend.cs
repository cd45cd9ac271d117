namespace NitroEnclaves.Virtio;

/// <summary>
/// The parent's side of a vsock device: decides what a guest's connection request reaches. It deals in descriptors of stream sockets, so
/// that bytes go straight between guest memory and the socket.
/// </summary>
/// <remarks>For the other direction, the backend calls <see cref="VsockVirtioDevice.Connect"/>.</remarks>
public interface IVsockBackend
{
    /// <summary>The guest asks for a connection. Runs on the event loop's thread: never blocks, never throws at a guest's doing.</summary>
    /// <param name="request">Who asks for what.</param>
    /// <returns>A connected socket, one whose connection is under way, or a refusal, which resets the guest's request at once.</returns>
    VsockConnectResult Connect(in VsockConnectRequest request);
}
