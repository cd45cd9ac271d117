namespace NitroEnclaves.Virtio;

/// <summary>Why a connection to the guest did not come about.</summary>
public enum VsockConnectFailure
{
    /// <summary>Nobody listens at the port.</summary>
    Refused,

    /// <summary>The guest did not answer in time, or has not even started its driver.</summary>
    TimedOut,

    /// <summary>The program that asked for the connection is gone.</summary>
    Abandoned,

    /// <summary>The guest began anew or is gone.</summary>
    Reset,

    /// <summary>There are <see cref="VsockDeviceOptions.MaxConnections"/> connections, or the system has no resources for another.</summary>
    TooMany,
}
