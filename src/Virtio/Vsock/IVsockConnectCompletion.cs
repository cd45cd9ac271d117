namespace NitroEnclaves.Virtio;

/// <summary>Hears what became of a connection to the guest. Called once, on the event loop's thread.</summary>
public interface IVsockConnectCompletion
{
    /// <summary>The guest has accepted. Bytes that are written to the socket's other end by now come before the guest's.</summary>
    /// <param name="socket">The socket handed to <see cref="VsockVirtioDevice.Connect"/>, for a greeting; it stays the device's.</param>
    /// <param name="hostPort">The port that the connection has on the host's side.</param>
    void Connected(SafeDescriptor socket, uint hostPort);

    /// <summary>There is no connection; the socket is closed.</summary>
    void Failed(VsockConnectFailure failure);
}
