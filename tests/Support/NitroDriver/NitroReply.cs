using System.Buffers.Binary;

namespace NitroEnclaves.Tests;

/// <summary>The hypervisor's answer to a command: 72 bytes, of which each command uses a few.</summary>
sealed record NitroReply
{
    const int Size = 72;

    /// <summary>0, or a negative errno.</summary>
    public int Result { get; init; }

    public ulong Slot { get; init; }

    public ulong Cid { get; init; }

    public ulong SlotCount { get; init; }

    public ulong MemoryRegions { get; init; }

    public ulong MemorySize { get; init; }

    public ulong VcpuCount { get; init; }

    public ulong Flags { get; init; }

    public NitroSlotState State { get; init; }

    public static NitroReply Error(int errno) => new() { Result = -errno };

    public byte[] ToBytes()
    {
        var bytes = new byte[Size];
        BinaryPrimitives.WriteInt32LittleEndian(bytes, Result);
        var offset = sizeof(ulong);
        foreach (var value in new[] { Slot, Cid, SlotCount, MemoryRegions, MemorySize, VcpuCount, Flags })
        {
            BinaryPrimitives.WriteUInt64LittleEndian(bytes.AsSpan(offset), value);
            offset += sizeof(ulong);
        }

        BinaryPrimitives.WriteUInt16LittleEndian(bytes.AsSpan(offset), (ushort)State);
        return bytes;
    }
}
