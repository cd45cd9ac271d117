using System.Buffers.Binary;

namespace NitroEnclaves.Virtio;

/// <summary>A whole request of the front end, with payload and descriptors. Lasts until the next one is received.</summary>
/// <param name="request">What is asked; any value.</param>
/// <param name="needsReply">Whether the sender wants an acknowledgement where there is no reply.</param>
/// <param name="payload">The bytes behind the header.</param>
/// <param name="descriptors">What came along. A handler that keeps one puts null in its place; the rest is closed.</param>
readonly ref struct VhostUserMessage(
    VhostUserRequest request, bool needsReply, ReadOnlySpan<byte> payload, Span<SafeDescriptor?> descriptors)
{
    // u32 request; u32 flags; u32 size; all in native order, which is little-endian on every machine this runs on.
    // flags: bits 0-1 version, bit 2 reply, bit 3 need_reply.
    internal const int HeaderSize = 12;
    internal const uint Version = 1;
    internal const uint ReplyFlag = 1 << 2;
    internal const uint NeedReplyFlag = 1 << 3;

    internal VhostUserRequest Request { get; } = request;

    internal bool NeedsReply { get; } = needsReply;

    internal ReadOnlySpan<byte> Payload { get; } = payload;

    internal Span<SafeDescriptor?> Descriptors { get; } = descriptors;

    /// <summary>Reads a payload that is one number.</summary>
    internal ulong ReadU64()
    {
        RequireSize(sizeof(ulong));
        return BinaryPrimitives.ReadUInt64LittleEndian(Payload);
    }

    /// <summary>Reads <c>struct vhost_vring_state { u32 index; u32 num; }</c>.</summary>
    internal (uint Index, uint Value) ReadVringState()
    {
        RequireSize(2 * sizeof(uint));
        return (BinaryPrimitives.ReadUInt32LittleEndian(Payload), BinaryPrimitives.ReadUInt32LittleEndian(Payload[4..]));
    }

    internal void RequireSize(int size)
    {
        if (Payload.Length != size)
        {
            throw new VirtioException(VirtioFault.MessageSize, $"{Request} with a payload of {Payload.Length} bytes instead of {size}.");
        }
    }

    /// <summary>Takes over the only descriptor of the message.</summary>
    internal SafeDescriptor TakeDescriptor()
    {
        RequireDescriptors(1);
        var descriptor = Descriptors[0]!;
        Descriptors[0] = null;
        return descriptor;
    }

    internal void RequireDescriptors(int count)
    {
        if (Descriptors.Length != count)
        {
            throw new VirtioException(VirtioFault.MessageDescriptors,
                $"{Request} with {Descriptors.Length} descriptors instead of {count}.");
        }
    }
}
