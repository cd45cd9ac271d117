using System.Buffers.Binary;
using Microsoft.Win32.SafeHandles;

namespace NitroEnclaves.EndToEnd.Tests;

/// <summary>A request of vfio-user: a header of 16 bytes (id, command, size, flags, error), a payload, and the descriptors that came along.</summary>
sealed record VfioUserMessage(ushort Id, VfioUserCommand Command, bool WantsReply, byte[] Payload, IReadOnlyList<SafeFileHandle> Descriptors)
{
    public const int HeaderSize = 16;
    const uint NoReply = 0x10;
    const uint Reply = 1;
    const uint Error = 0x20;

    public uint Number(int offset) => BinaryPrimitives.ReadUInt32LittleEndian(Payload.AsSpan(offset));

    public ulong LongNumber(int offset) => BinaryPrimitives.ReadUInt64LittleEndian(Payload.AsSpan(offset));

    /// <summary>How long the payload is, by the header.</summary>
    public static int PayloadSize(ReadOnlySpan<byte> header) => checked((int)BinaryPrimitives.ReadUInt32LittleEndian(header[4..]) - HeaderSize);

    public static VfioUserMessage Parse(ReadOnlySpan<byte> header, byte[] payload, IReadOnlyList<SafeFileHandle> descriptors) => new(
        BinaryPrimitives.ReadUInt16LittleEndian(header),
        (VfioUserCommand)BinaryPrimitives.ReadUInt16LittleEndian(header[2..]),
        (BinaryPrimitives.ReadUInt32LittleEndian(header[8..]) & NoReply) == 0,
        payload,
        descriptors);

    /// <summary>The bytes of the answer: a payload, or an errno.</summary>
    public byte[] Answer(ReadOnlySpan<byte> payload, int errno = 0)
    {
        var bytes = new byte[HeaderSize + payload.Length];
        BinaryPrimitives.WriteUInt16LittleEndian(bytes, Id);
        BinaryPrimitives.WriteUInt16LittleEndian(bytes.AsSpan(2), (ushort)Command);
        BinaryPrimitives.WriteUInt32LittleEndian(bytes.AsSpan(4), (uint)bytes.Length);
        BinaryPrimitives.WriteUInt32LittleEndian(bytes.AsSpan(8), errno == 0 ? Reply : Reply | Error);
        BinaryPrimitives.WriteInt32LittleEndian(bytes.AsSpan(12), errno);
        payload.CopyTo(bytes.AsSpan(HeaderSize));
        return bytes;
    }
}
