namespace NitroEnclaves.Virtio;

/// <summary>What a <see cref="VsockVirtioDevice"/> has done since it was made. A copy; the numbers belong to one moment.</summary>
public record struct VsockCounters
{
    /// <summary>Packets from the guest.</summary>
    public long PacketsFromGuest { get; internal set; }

    /// <summary>Packets to the guest.</summary>
    public long PacketsToGuest { get; internal set; }

    /// <summary>Payload bytes that host programs have taken.</summary>
    public long BytesFromGuest { get; internal set; }

    /// <summary>Payload bytes sent to the guest.</summary>
    public long BytesToGuest { get; internal set; }

    /// <summary>Connections that the guest asked for and got, or that are still being made.</summary>
    public long GuestConnects { get; internal set; }

    /// <summary>Connections that the guest asked for and was refused.</summary>
    public long GuestRefusals { get; internal set; }

    /// <summary>Connections that the host asked for.</summary>
    public long HostConnects { get; internal set; }

    /// <summary>Packets that were too short, longer than their chain, or from a CID that is not the guest's.</summary>
    public long MalformedPackets { get; internal set; }

    /// <summary>Packets of no connection, answered with a reset.</summary>
    public long OrphanPackets { get; internal set; }

    /// <summary>Connections reset because the guest sent more than it was allowed to.</summary>
    public long CreditViolations { get; internal set; }

    /// <summary>Connections reset because of <see cref="VsockDeviceOptions.BufferLimit"/>.</summary>
    public long BufferLimitResets { get; internal set; }
}
