namespace NitroEnclaves.Virtio;

/// <summary>
/// What a host socket must say before the guest's request counts as granted: for sockets that lead through somebody else's handshake, such
/// as <c>CONNECT</c> and <c>OK</c> on the way to another guest.
/// </summary>
public interface IVsockGreeting
{
    /// <summary>Looks at what has come, and takes it once it is whole. Runs on the event loop's thread and never waits.</summary>
    /// <param name="socket">The connected socket; it stays the device's.</param>
    VsockGreetingState Read(SafeDescriptor socket);
}
