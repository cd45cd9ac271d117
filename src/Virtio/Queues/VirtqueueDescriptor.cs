using System.Runtime.InteropServices;

namespace NitroEnclaves.Virtio;

/// <summary>
/// One entry of a descriptor table, <c>struct virtq_desc { le64 addr; le32 len; le16 flags; le16 next; }</c>
/// (virtio 1.3, 2.7.5). Read from guest memory in one copy; the guest may change its original meanwhile.
/// </summary>
[StructLayout(LayoutKind.Sequential, Pack = 1)]
readonly struct VirtqueueDescriptor
{
    internal const int ByteSize = 16;

    internal readonly ulong Address;
    internal readonly uint Length;
    internal readonly VirtqueueDescriptorFlags Flags;
    internal readonly ushort Next;
}

/// <summary>VIRTQ_DESC_F_*.</summary>
[Flags]
enum VirtqueueDescriptorFlags : ushort
{
    /// <summary>The chain goes on at <see cref="VirtqueueDescriptor.Next"/>.</summary>
    Next = 1,

    /// <summary>The device writes the buffer, else it reads it.</summary>
    Write = 2,

    /// <summary>The buffer is a table of descriptors.</summary>
    Indirect = 4,
}
