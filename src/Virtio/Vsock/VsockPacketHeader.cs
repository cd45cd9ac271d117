using System.Buffers.Binary;

namespace NitroEnclaves.Virtio;

/// <summary>
/// The header of a packet (virtio 1.3, 5.10.6), 44 bytes, packed, little-endian:
/// <code>
/// le64 src_cid; le64 dst_cid; le32 src_port; le32 dst_port; le32 len; le16 type; le16 op; le32 flags; le32 buf_alloc; le32 fwd_cnt;
/// </code>
/// </summary>
readonly record struct VsockPacketHeader
{
    /// <summary>Bytes on the wire.</summary>
    internal const int Size = 44;

    /// <summary>Most bytes of payload that a packet carries.</summary>
    internal const int MaxPayload = 64 * 1024;

    /// <summary>VIRTIO_VSOCK_TYPE_STREAM.</summary>
    internal const ushort StreamType = 1;

    /// <summary>VIRTIO_VSOCK_TYPE_SEQPACKET.</summary>
    internal const ushort SeqpacketType = 2;

    /// <summary>VIRTIO_VSOCK_SEQ_EOM: the last packet of a message.</summary>
    internal const uint EndOfMessage = 1;

    internal ulong SourceCid { get; init; }

    internal ulong DestinationCid { get; init; }

    internal uint SourcePort { get; init; }

    internal uint DestinationPort { get; init; }

    /// <summary>Bytes of payload behind the header.</summary>
    internal uint Length { get; init; }

    internal ushort Type { get; init; }

    internal VsockOperation Operation { get; init; }

    internal uint Flags { get; init; }

    /// <summary><c>buf_alloc</c>: how many bytes the sender can hold for this connection.</summary>
    internal uint BufferSize { get; init; }

    /// <summary><c>fwd_cnt</c>: how many bytes of this connection the sender has passed on so far, modulo 2^32.</summary>
    internal uint Forwarded { get; init; }

    /// <summary>Reads a header.</summary>
    /// <param name="source">At least <see cref="Size"/> bytes, a copy that the guest cannot change.</param>
    internal static VsockPacketHeader Read(ReadOnlySpan<byte> source)
    {
        source = source[..Size];
        return new VsockPacketHeader
        {
            SourceCid = BinaryPrimitives.ReadUInt64LittleEndian(source),
            DestinationCid = BinaryPrimitives.ReadUInt64LittleEndian(source[8..]),
            SourcePort = BinaryPrimitives.ReadUInt32LittleEndian(source[16..]),
            DestinationPort = BinaryPrimitives.ReadUInt32LittleEndian(source[20..]),
            Length = BinaryPrimitives.ReadUInt32LittleEndian(source[24..]),
            Type = BinaryPrimitives.ReadUInt16LittleEndian(source[28..]),
            Operation = (VsockOperation)BinaryPrimitives.ReadUInt16LittleEndian(source[30..]),
            Flags = BinaryPrimitives.ReadUInt32LittleEndian(source[32..]),
            BufferSize = BinaryPrimitives.ReadUInt32LittleEndian(source[36..]),
            Forwarded = BinaryPrimitives.ReadUInt32LittleEndian(source[40..]),
        };
    }

    /// <summary>Writes the header.</summary>
    /// <param name="destination">At least <see cref="Size"/> bytes.</param>
    internal void Write(Span<byte> destination)
    {
        destination = destination[..Size];
        BinaryPrimitives.WriteUInt64LittleEndian(destination, SourceCid);
        BinaryPrimitives.WriteUInt64LittleEndian(destination[8..], DestinationCid);
        BinaryPrimitives.WriteUInt32LittleEndian(destination[16..], SourcePort);
        BinaryPrimitives.WriteUInt32LittleEndian(destination[20..], DestinationPort);
        BinaryPrimitives.WriteUInt32LittleEndian(destination[24..], Length);
        BinaryPrimitives.WriteUInt16LittleEndian(destination[28..], Type);
        BinaryPrimitives.WriteUInt16LittleEndian(destination[30..], (ushort)Operation);
        BinaryPrimitives.WriteUInt32LittleEndian(destination[32..], Flags);
        BinaryPrimitives.WriteUInt32LittleEndian(destination[36..], BufferSize);
        BinaryPrimitives.WriteUInt32LittleEndian(destination[40..], Forwarded);
    }

    /// <summary>The packet that refuses this one: addresses swapped, the same type, no credit.</summary>
    internal VsockPacketHeader ToReset() => new()
    {
        SourceCid = DestinationCid,
        DestinationCid = SourceCid,
        SourcePort = DestinationPort,
        DestinationPort = SourcePort,
        Type = Type,
        Operation = VsockOperation.Reset,
    };
}
