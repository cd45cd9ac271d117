using NitroEnclaves.Virtio;

namespace NitroEnclaves.Enclaves;

/// <summary>The outcome of a connection whose program expects no word: one that fails is closed, and that is the answer.</summary>
sealed class VsockForwardCompletion : IVsockConnectCompletion
{
    VsockForwardCompletion()
    {
    }

    internal static VsockForwardCompletion Instance { get; } = new();

    public void Connected(SafeDescriptor socket, uint hostPort)
    {
    }

    public void Failed(VsockConnectFailure failure)
    {
    }
}
