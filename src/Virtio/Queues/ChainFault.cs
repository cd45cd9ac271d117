namespace NitroEnclaves.Virtio;

/// <summary>Why a queue gave a chain back to the driver (used length 0) without showing it to the device.</summary>
public enum ChainFault
{
    /// <summary>Nothing is wrong.</summary>
    None,

    /// <summary>More descriptors than the ring has entries, so a loop or an oversized chain.</summary>
    TooManyDescriptors,

    /// <summary>A descriptor's successor is no entry of its table.</summary>
    NextOutOfRange,

    /// <summary>A buffer is not guest memory, wholly or in part.</summary>
    OutsideMemory,

    /// <summary>A buffer to read follows one to write.</summary>
    ReadableAfterWritable,

    /// <summary>The buffers hold 2^31 bytes or more in all.</summary>
    TooLong,

    /// <summary>The buffers cross so many borders of memory regions that the chain falls into too many segments.</summary>
    TooManySegments,

    /// <summary>An indirect table although VIRTIO_F_INDIRECT_DESC was not negotiated.</summary>
    IndirectNotNegotiated,

    /// <summary>An indirect table inside an indirect table.</summary>
    IndirectNested,

    /// <summary>A descriptor is indirect and has a successor.</summary>
    IndirectWithNext,

    /// <summary>An indirect table that is empty, no multiple of 16 bytes, or longer than the ring.</summary>
    IndirectLength,
}
