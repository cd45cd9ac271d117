namespace NitroEnclaves.Virtio;

/// <summary>Where a split ring lies (virtio 1.3, 2.7). A queue checks it when it starts.</summary>
/// <param name="Size">Entries, a power of two, 1 to 32768.</param>
/// <param name="Descriptors">Address of the descriptor table, 16 bytes an entry, aligned to 16.</param>
/// <param name="Available">Address of the available ring, which the driver writes, aligned to 2.</param>
/// <param name="Used">Address of the used ring, which the device writes, aligned to 4.</param>
/// <param name="AddressSpace">What the three addresses are.</param>
public readonly record struct VirtqueueLayout(int Size, ulong Descriptors, ulong Available, ulong Used, RingAddressSpace AddressSpace);

/// <summary>In which address space a transport names rings. Descriptors always hold guest-physical addresses.</summary>
public enum RingAddressSpace
{
    /// <summary>Guest-physical, as with virtio-mmio.</summary>
    Guest,

    /// <summary>The front end's own addresses, as with vhost-user.</summary>
    User,
}
