namespace NitroEnclaves.Virtio;

/// <summary>Where a connection stands between its request and its end.</summary>
enum VsockConnectionState
{
    /// <summary>The guest has asked; the host socket is still connecting.</summary>
    HostConnecting,

    /// <summary>The host has asked; the guest has not answered.</summary>
    GuestConnecting,

    /// <summary>Bytes flow in the directions that nobody has shut down.</summary>
    Established,

    /// <summary>The host side is gone and the guest knows; its reset is waited for.</summary>
    HostClosed,

    /// <summary>The guest has shut both directions down; the last bytes go to the host, then the guest is reset.</summary>
    GuestClosed,

    /// <summary>The guest is to be sent a reset; whatever it still sends is ignored. The host socket may be open for the last bytes.</summary>
    Resetting,

    /// <summary>The guest knows nothing of it any more; the host socket gets the last bytes.</summary>
    Draining,

    /// <summary>Nothing is left.</summary>
    Closed,
}
