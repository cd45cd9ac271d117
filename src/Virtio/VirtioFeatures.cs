namespace NitroEnclaves.Virtio;

/// <summary>Feature bits that belong to the ring and the transport rather than to a device (virtio 1.3, part 6).</summary>
public static class VirtioFeatures
{
    /// <summary>VIRTIO_F_INDIRECT_DESC, bit 28: a descriptor may point to a table of descriptors.</summary>
    public const ulong IndirectDescriptors = 1UL << 28;

    /// <summary>VIRTIO_F_EVENT_IDX, bit 29: each side names the index at which it wants to be notified.</summary>
    public const ulong EventIndex = 1UL << 29;

    /// <summary>VIRTIO_F_VERSION_1, bit 32. Absent on a legacy virtio-mmio transport, which works all the same.</summary>
    public const ulong Version1 = 1UL << 32;

    /// <summary>The bits that <see cref="Virtqueue"/> implements; each may be negotiated or not.</summary>
    public const ulong Ring = IndirectDescriptors | EventIndex | Version1;
}
