using System.Buffers.Binary;

namespace NitroEnclaves.Virtio.Tests;

/// <summary>
/// A vsock packet as a guest's driver sees it, written from the specification and without the product's code:
/// <c>le64 src_cid, dst_cid; le32 src_port, dst_port, len; le16 type, op; le32 flags, buf_alloc, fwd_cnt</c>.
/// </summary>
sealed record GuestPacket
{
    public const int HeaderSize = 44;
    public const ushort Stream = 1;
    public const ushort Request = 1, Response = 2, Reset = 3, Shutdown = 4, ReadWrite = 5, CreditUpdate = 6, CreditRequest = 7;
    public const uint NoReceive = 1, NoSend = 2, Both = 3;

    /// <summary>The CID at which guests look for their parent: 3, unless the back end under test only knows 2.</summary>
    public static uint ParentCid { get; set; } = 3;

    public ulong SourceCid { get; init; }

    public ulong DestinationCid { get; init; } = ParentCid;

    public uint SourcePort { get; init; }

    public uint DestinationPort { get; init; }

    /// <summary>What the header says; a packet that behaves says the payload's length.</summary>
    public uint? Length { get; init; }

    public ushort Type { get; init; } = Stream;

    public ushort Operation { get; init; }

    public uint Flags { get; init; }

    public uint BufferSize { get; init; } = 256 * 1024;

    public uint Forwarded { get; init; }

    public byte[] Payload { get; init; } = [];

    public void WriteHeader(Span<byte> destination)
    {
        BinaryPrimitives.WriteUInt64LittleEndian(destination, SourceCid);
        BinaryPrimitives.WriteUInt64LittleEndian(destination[8..], DestinationCid);
        BinaryPrimitives.WriteUInt32LittleEndian(destination[16..], SourcePort);
        BinaryPrimitives.WriteUInt32LittleEndian(destination[20..], DestinationPort);
        BinaryPrimitives.WriteUInt32LittleEndian(destination[24..], Length ?? (uint)Payload.Length);
        BinaryPrimitives.WriteUInt16LittleEndian(destination[28..], Type);
        BinaryPrimitives.WriteUInt16LittleEndian(destination[30..], Operation);
        BinaryPrimitives.WriteUInt32LittleEndian(destination[32..], Flags);
        BinaryPrimitives.WriteUInt32LittleEndian(destination[36..], BufferSize);
        BinaryPrimitives.WriteUInt32LittleEndian(destination[40..], Forwarded);
    }

    /// <summary>Reads a packet of so many bytes; they are exactly what the header announces.</summary>
    public static GuestPacket Read(ReadOnlySpan<byte> source)
    {
        var length = BinaryPrimitives.ReadUInt32LittleEndian(source[24..]);
        Assert.Equal(source.Length - HeaderSize, (int)length);
        return new GuestPacket
        {
            SourceCid = BinaryPrimitives.ReadUInt64LittleEndian(source),
            DestinationCid = BinaryPrimitives.ReadUInt64LittleEndian(source[8..]),
            SourcePort = BinaryPrimitives.ReadUInt32LittleEndian(source[16..]),
            DestinationPort = BinaryPrimitives.ReadUInt32LittleEndian(source[20..]),
            Length = length,
            Type = BinaryPrimitives.ReadUInt16LittleEndian(source[28..]),
            Operation = BinaryPrimitives.ReadUInt16LittleEndian(source[30..]),
            Flags = BinaryPrimitives.ReadUInt32LittleEndian(source[32..]),
            BufferSize = BinaryPrimitives.ReadUInt32LittleEndian(source[36..]),
            Forwarded = BinaryPrimitives.ReadUInt32LittleEndian(source[40..]),
            Payload = source[HeaderSize..].ToArray(),
        };
    }
}
