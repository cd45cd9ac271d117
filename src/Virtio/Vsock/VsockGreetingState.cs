namespace NitroEnclaves.Virtio;

/// <summary>How far an <see cref="IVsockGreeting"/> has come.</summary>
public enum VsockGreetingState
{
    /// <summary>More has to come; the device asks again when the socket has more, up to its connect time-out.</summary>
    Incomplete,

    /// <summary>The connection stands: the guest's request is granted, and every further byte is the guest's.</summary>
    Granted,

    /// <summary>There will be no connection: the guest's request is reset.</summary>
    Refused,
}
