namespace NitroEnclaves.Virtio;

/// <summary>What a backend answers to a guest's connection request.</summary>
public readonly struct VsockConnectResult
{
    VsockConnectResult(SafeDescriptor? socket, bool isPending) => (Socket, IsPending) = (socket, isPending);

    /// <summary>Nobody is there: the guest is reset at once.</summary>
    public static VsockConnectResult Refused => default;

    /// <summary>The socket; null for a refusal. The device owns it from here on.</summary>
    public SafeDescriptor? Socket { get; }

    /// <summary>Whether the socket is still connecting.</summary>
    public bool IsPending { get; }

    /// <summary>The socket is connected.</summary>
    /// <param name="socket">A stream socket.</param>
    public static VsockConnectResult Connected(SafeDescriptor socket)
    {
        ArgumentNullException.ThrowIfNull(socket);
        return new VsockConnectResult(socket, isPending: false);
    }

    /// <summary>The socket's non-blocking connect is under way (EINPROGRESS): the device waits until it is writable and asks for SO_ERROR.</summary>
    /// <param name="socket">A stream socket.</param>
    public static VsockConnectResult Pending(SafeDescriptor socket)
    {
        ArgumentNullException.ThrowIfNull(socket);
        return new VsockConnectResult(socket, isPending: true);
    }
}
