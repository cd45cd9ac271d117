namespace NitroEnclaves.Virtio;

/// <summary>What a backend answers to a guest's connection request.</summary>
public readonly struct VsockConnectResult
{
    VsockConnectResult(SafeDescriptor? socket, bool isPending, IVsockGreeting? greeting = null) =>
        (Socket, IsPending, Greeting) = (socket, isPending, greeting);

    /// <summary>Nobody is there: the guest is reset at once.</summary>
    public static VsockConnectResult Refused => default;

    /// <summary>The socket; null for a refusal. The device owns it from here on.</summary>
    public SafeDescriptor? Socket { get; }

    /// <summary>Whether the socket is still connecting.</summary>
    public bool IsPending { get; }

    /// <summary>What the socket must say first; null where being connected is enough.</summary>
    public IVsockGreeting? Greeting { get; }

    /// <summary>The socket is connected.</summary>
    /// <param name="socket">A stream socket.</param>
    public static VsockConnectResult Connected(SafeDescriptor socket)
    {
        ArgumentNullException.ThrowIfNull(socket);
        return new VsockConnectResult(socket, isPending: false);
    }

    /// <summary>The socket's non-blocking connect is under way (EINPROGRESS): the device waits until it is writable and asks for SO_ERROR.</summary>
    /// <param name="socket">A stream socket.</param>
    /// <param name="greeting">What the socket must say before the guest's request is granted; null for nothing.</param>
    public static VsockConnectResult Pending(SafeDescriptor socket, IVsockGreeting? greeting = null)
    {
        ArgumentNullException.ThrowIfNull(socket);
        return new VsockConnectResult(socket, isPending: true, greeting);
    }
}
