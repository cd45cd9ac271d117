using FsCheck;
using FsCheck.Fluent;

namespace NitroEnclaves.Virtio.Tests;

public sealed class VsockPacketHeaderTests
{
    static readonly VsockPacketHeader Example = new()
    {
        SourceCid = 0x0102030405060708,
        DestinationCid = 0x1112131415161718,
        SourcePort = 0x21222324,
        DestinationPort = 0x31323334,
        Length = 0x41424344,
        Type = 0x5152,
        Operation = (VsockOperation)0x6162,
        Flags = 0x71727374,
        BufferSize = 0x81828384,
        Forwarded = 0x91929394,
    };

    [Fact]
    public void Each_field_has_its_place()
    {
        Span<byte> bytes = stackalloc byte[VsockPacketHeader.Size];
        Example.Write(bytes);
        Assert.Equal(
            "0807060504030201181716151413121124232221343332314443424152516261747372718483828194939291", Convert.ToHexStringLower(bytes));
        Assert.Equal(Example, VsockPacketHeader.Read(bytes));
    }

    [Fact]
    public void Every_header_is_written_as_it_was_read() =>
        Prop.ForAll<byte[]>(seed =>
        {
            var bytes = new byte[VsockPacketHeader.Size];
            new Random(seed.Aggregate(17, (hash, value) => hash * 31 + value)).NextBytes(bytes);
            var again = new byte[VsockPacketHeader.Size];
            VsockPacketHeader.Read(bytes).Write(again);
            return bytes.AsSpan().SequenceEqual(again);
        }).Check(Config.QuickThrowOnFailure.WithReplay(1, 3));

    [Fact]
    public void A_reset_goes_back_where_the_packet_came_from() => Assert.Equal(
        new VsockPacketHeader
        {
            SourceCid = Example.DestinationCid,
            DestinationCid = Example.SourceCid,
            SourcePort = Example.DestinationPort,
            DestinationPort = Example.SourcePort,
            Type = Example.Type,
            Operation = VsockOperation.Reset,
        },
        Example.ToReset());
}
