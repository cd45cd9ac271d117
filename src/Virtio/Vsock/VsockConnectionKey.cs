namespace NitroEnclaves.Virtio;

/// <summary>What tells the connections of one guest apart. The same ports at CID 2 and CID 3 are two connections, as in Linux.</summary>
/// <param name="HostCid">The CID under which the guest knows its peer.</param>
/// <param name="HostPort">The peer's port.</param>
/// <param name="GuestPort">The guest's port.</param>
readonly record struct VsockConnectionKey(uint HostCid, uint HostPort, uint GuestPort)
{
    // Guest ports count up and host ports repeat, so the multiplications spread what differs least.
    public override int GetHashCode() => (int)((GuestPort * 0x9E37_79B1u) ^ (HostPort * 0x85EB_CA6Bu) ^ (HostCid << 27));
}
