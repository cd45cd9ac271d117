using System.Buffers.Binary;
using System.Runtime.InteropServices;

namespace NitroEnclaves.Virtio.Tests;

/// <summary>A message, or part of one, that a broken or captured front end sends. Named as in the matrix of vsock.md 4.1.</summary>
/// <param name="Name">What it is.</param>
/// <param name="Fault">Why it is refused.</param>
/// <param name="Send">Sends it, on a connection that is set up as far as the features.</param>
sealed record HostileMessage(string Name, VirtioFault Fault, Action<VhostUserFrontEnd, VhostUserWire> Send)
{
    /// <summary>What is no message: the session ends.</summary>
    public static readonly HostileMessage[] Malformed =
    [
        new("vu_version_0", VirtioFault.MessageHeader, (_, wire) => wire.SendRaw(Header(1, 0, 0))),
        new("vu_version_2", VirtioFault.MessageHeader, (_, wire) => wire.SendRaw(Header(1, 2, 0))),
        new("vu_reply", VirtioFault.MessageHeader, (_, wire) => wire.SendRaw(Header(1, 5, 0))),
        new("vu_reserved_flags", VirtioFault.MessageHeader, (_, wire) => wire.SendRaw(Header(1, 0x11, 0))),
        new("vu_huge", VirtioFault.MessageSize, (_, wire) => wire.SendRaw(Header(1, 1, uint.MaxValue))),
        new("vu_too_long", VirtioFault.MessageSize, (_, wire) => wire.SendRaw(Header(1, 1, 4096))),
        new("vu_many_descriptors", VirtioFault.MessageDescriptors, (end, wire) => wire.SendRaw(Header(5, 1, 8), [.. Enumerable.Repeat(end.Ram.File, 20)])),
        new("vu_partial_header", VirtioFault.ConnectionLost, (_, wire) =>
        {
            wire.SendRaw(Header(1, 1, 0).AsSpan(0, 7));
            wire.Dispose();
        }),
        new("vu_partial_payload", VirtioFault.ConnectionLost, (end, wire) =>
        {
            wire.SendRaw([.. Header(5, 1, 40), 1, 2, 3], end.Ram.File);
            wire.Dispose();
        }),
    ];

    /// <summary>Messages that ask for what cannot be: refused where an answer is wanted, else the session ends.</summary>
    public static readonly HostileMessage[] Refused =
    [
        new("vu_unknown", VirtioFault.MessageUnknown, (_, wire) => wire.Send(200, [], needReply: true)),
        new("vu_unknown_0", VirtioFault.MessageUnknown, (_, wire) => wire.Send(0, [], needReply: true)),
        new("vu_unknown_with_descriptor", VirtioFault.MessageDescriptors, (end, wire) => wire.Send(200, [], needReply: true, end.Ram.File)),
        new("vu_not_offered", VirtioFault.MessageUnknown, (_, wire) => wire.Send(34, [], needReply: true)),
        new("vu_short_payload", VirtioFault.MessageSize, (_, wire) => wire.Send(VhostUserWire.SetFeatures, [1, 2, 3], needReply: true)),
        new("vu_long_payload", VirtioFault.MessageSize, (_, wire) => wire.Send(VhostUserWire.SetOwner, [1], needReply: true)),
        new("vu_get_with_payload", VirtioFault.MessageSize, (_, wire) => wire.Send(VhostUserWire.GetFeatures, [1], needReply: true)),
        new("vu_features", VirtioFault.FeaturesNotOffered, (_, wire) => wire.SendU64(VhostUserWire.SetFeatures, ulong.MaxValue, needReply: true)),
        new("vu_protocol_features", VirtioFault.FeaturesNotOffered, (_, wire) => wire.SendU64(VhostUserWire.SetProtocolFeatures, 0x1209, needReply: true)),
        new("vu_bad_index_num", VirtioFault.MessageArgument, (_, wire) => wire.SendState(VhostUserWire.SetVringNum, 2, 8, needReply: true)),
        new("vu_bad_index_base", VirtioFault.MessageArgument, (_, wire) => wire.SendState(VhostUserWire.SetVringBase, uint.MaxValue, 0, needReply: true)),
        new("vu_bad_index_get", VirtioFault.MessageArgument, (_, wire) => wire.SendState(VhostUserWire.GetVringBase, 2, 0, needReply: true)),
        new("vu_bad_index_kick", VirtioFault.MessageArgument, (end, wire) => wire.SendU64(VhostUserWire.SetVringKick, 7, needReply: true, end.Ram.File)),
        new("vu_bad_index_enable", VirtioFault.MessageArgument, (_, wire) => wire.SendState(VhostUserWire.SetVringEnable, 2, 1, needReply: true)),
        new("vu_bad_call_bits", VirtioFault.MessageArgument, (_, wire) => wire.SendU64(VhostUserWire.SetVringCall, 1 << 9, needReply: true)),
        new("vu_num_0", VirtioFault.RingSize, (_, wire) => wire.SendState(VhostUserWire.SetVringNum, 0, 0, needReply: true)),
        new("vu_num_100", VirtioFault.RingSize, (_, wire) => wire.SendState(VhostUserWire.SetVringNum, 0, 100, needReply: true)),
        new("vu_num_2048", VirtioFault.RingSize, (_, wire) => wire.SendState(VhostUserWire.SetVringNum, 0, 2048, needReply: true)),
        new("vu_num_huge", VirtioFault.RingSize, (_, wire) => wire.SendState(VhostUserWire.SetVringNum, 0, 0x8000_0000, needReply: true)),
        new("vu_base_65536", VirtioFault.MessageArgument, (_, wire) => wire.SendState(VhostUserWire.SetVringBase, 0, 65536, needReply: true)),
        new("vu_enable_2", VirtioFault.MessageArgument, (_, wire) => wire.SendState(VhostUserWire.SetVringEnable, 0, 2, needReply: true)),
        new("vu_table_empty", VirtioFault.MemoryRegionCount, (_, wire) => wire.Send(VhostUserWire.SetMemTable, new byte[8], needReply: true)),
        new("vu_table_9", VirtioFault.MemoryRegionCount, (_, wire) => wire.Send(VhostUserWire.SetMemTable, [9, 0, 0, 0, 0, 0, 0, 0], needReply: true)),
        new("vu_table_short", VirtioFault.MessageSize, (end, wire) => wire.Send(VhostUserWire.SetMemTable, [1, 0, 0, 0, 0, 0, 0, 0], needReply: true, end.Ram.File)),
        new("vu_table_no_count", VirtioFault.MessageSize, (end, wire) => wire.Send(VhostUserWire.SetMemTable, [1, 0], needReply: true, end.Ram.File)),
        new("vu_table_no_fds", VirtioFault.MessageDescriptors, (_, wire) => wire.Send(VhostUserWire.SetMemTable, Region(0, 0x1000, 0, 0), needReply: true)),
        new("vu_table_2_fds", VirtioFault.MessageDescriptors, (end, wire) => wire.Send(VhostUserWire.SetMemTable, Region(0, 0x1000, 0, 0), needReply: true, end.Ram.File, end.Ram.File)),
        new("vu_table_oob", VirtioFault.MemoryRegionBounds, (end, wire) => wire.Send(VhostUserWire.SetMemTable, Region(0, 0x1000, 0, 1UL << 40), needReply: true, end.Ram.File)),
        new("vu_table_wrap", VirtioFault.MemoryRegionBounds, (end, wire) => wire.Send(VhostUserWire.SetMemTable, Region(ulong.MaxValue, 0x1000, 0, 0), needReply: true, end.Ram.File)),
        new("vu_table_eventfd", VirtioFault.MemoryRegionNotMappable, (end, wire) =>
        {
            using var signal = new EventSignal();
            wire.Send(VhostUserWire.SetMemTable, Region(0, 0x1000, 0, 0), needReply: true, signal.Descriptor);
        }),
        new("vu_kick_no_fd", VirtioFault.MessageDescriptors, (_, wire) => wire.SendU64(VhostUserWire.SetVringKick, 0, needReply: true)),
        new("vu_kick_polled", VirtioFault.MessageDescriptors, (_, wire) => wire.SendU64(VhostUserWire.SetVringKick, 0x100, needReply: true)),
        new("vu_kick_2_fds", VirtioFault.MessageDescriptors, (end, wire) => wire.SendU64(VhostUserWire.SetVringKick, 0, needReply: true, end.Ram.File, end.Ram.File)),
        new("vu_call_no_fd_with_fd", VirtioFault.MessageDescriptors, (end, wire) => wire.SendU64(VhostUserWire.SetVringCall, 0x100, needReply: true, end.Ram.File)),
        new("vu_config_size", VirtioFault.MessageSize, (_, wire) => wire.Send(VhostUserWire.GetConfig, [0, 0, 0, 0, 8, 0, 0, 0, 0, 0, 0, 0], needReply: true)),
        new("vu_config_short", VirtioFault.MessageSize, (_, wire) => wire.Send(VhostUserWire.GetConfig, [0, 0, 0, 0], needReply: true)),
        new("vu_config_huge", VirtioFault.MessageSize, (_, wire) => wire.Send(VhostUserWire.GetConfig, [0, 0, 0, 0, 255, 255, 255, 255, 0, 0, 0, 0], needReply: true)),
        new("vu_set_config", VirtioFault.MessageArgument, (_, wire) => wire.Send(VhostUserWire.SetConfig, [0, 0, 0, 0, 1, 0, 0, 0, 0, 0, 0, 0, 1], needReply: true)),
        new("vu_log_address", VirtioFault.MessageArgument, (_, wire) =>
        {
            var payload = new byte[40];
            payload[4] = 1;
            wire.Send(VhostUserWire.SetVringAddr, payload, needReply: true);
        }),
        new("vu_start_without_memory", VirtioFault.MessageSequence, (_, wire) =>
        {
            using var signal = new EventSignal();
            wire.SendU64(VhostUserWire.SetFeatures, 0);
            wire.SendU64(VhostUserWire.SetVringKick, 0, needReply: true, signal.Descriptor);
        }),
    ];

    public static byte[] Header(uint request, uint flags, uint size)
    {
        var header = new byte[12];
        BinaryPrimitives.WriteUInt32LittleEndian(header, request);
        BinaryPrimitives.WriteUInt32LittleEndian(header.AsSpan(4), flags);
        BinaryPrimitives.WriteUInt32LittleEndian(header.AsSpan(8), size);
        return header;
    }

    /// <summary>A memory table of one region.</summary>
    public static byte[] Region(ulong guest, ulong size, ulong user, ulong offset) =>
        [.. MemoryMarshal.AsBytes<ulong>([1, guest, size, user, offset])];
}
