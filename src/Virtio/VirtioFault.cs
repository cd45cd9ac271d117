namespace NitroEnclaves.Virtio;

/// <summary>Why a ring is broken, a memory table was refused or a front end's session ended.</summary>
public enum VirtioFault
{
    /// <summary>Nothing is wrong.</summary>
    None,

    /// <summary>A memory table has no region or more than <see cref="GuestMemory.MaxRegions"/>.</summary>
    MemoryRegionCount,

    /// <summary>A memory region is empty, wraps around an address space, or lies outside its file.</summary>
    MemoryRegionBounds,

    /// <summary>Two memory regions share guest or front-end addresses.</summary>
    MemoryRegionOverlap,

    /// <summary>A memory region's descriptor is no regular file or cannot be mapped.</summary>
    MemoryRegionNotMappable,

    /// <summary>The number of ring entries is no power of two, or above what the queue or virtio allows.</summary>
    RingSize,

    /// <summary>A part of a ring is not wholly inside one memory region.</summary>
    RingOutsideMemory,

    /// <summary>A part of a ring is not aligned to 16 (descriptors), 2 (available) or 4 (used) bytes.</summary>
    RingAlignment,

    /// <summary>The driver's available index went ahead by more than the ring holds.</summary>
    AvailableIndexJump,

    /// <summary>The available ring names a head that is no descriptor of the ring.</summary>
    HeadOutOfRange,

    /// <summary>A vhost-user message has another protocol version or impossible flags.</summary>
    MessageHeader,

    /// <summary>A vhost-user message's payload has a length that its request does not allow.</summary>
    MessageSize,

    /// <summary>A vhost-user request is unknown, or belongs to a feature that was not offered.</summary>
    MessageUnknown,

    /// <summary>A vhost-user message came with too many, too few or truncated descriptors.</summary>
    MessageDescriptors,

    /// <summary>A vhost-user message names a queue, index or value out of range.</summary>
    MessageArgument,

    /// <summary>A vhost-user message came in a state in which it makes no sense.</summary>
    MessageSequence,

    /// <summary>The front end accepted features that were not offered.</summary>
    FeaturesNotOffered,

    /// <summary>The front end closed the connection in the middle of a message, or the socket failed.</summary>
    ConnectionLost,
}
