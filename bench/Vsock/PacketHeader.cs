using System.Runtime.InteropServices;

namespace NitroEnclaves.Vsock.Benchmarks;

/// <summary>A packet's header as it lies in memory (virtio 1.3, 5.10.6), on a little-endian machine.</summary>
[StructLayout(LayoutKind.Sequential, Pack = 1)]
record struct PacketHeader()
{
    internal const ushort Request = 1, Response = 2, Reset = 3, Shutdown = 4, ReadWrite = 5, CreditUpdate = 6, CreditRequest = 7;

    internal ulong SourceCid;
    internal ulong DestinationCid;
    internal uint SourcePort;
    internal uint DestinationPort;
    internal uint Length;
    internal ushort Type = 1;
    internal ushort Operation;
    internal uint Flags;
    internal uint BufferSize;
    internal uint Forwarded;

    internal static PacketHeader Read(ReadOnlySpan<byte> source) => MemoryMarshal.Read<PacketHeader>(source);

    internal static void Write(Span<byte> destination, in PacketHeader header) => MemoryMarshal.Write(destination, header);
}
