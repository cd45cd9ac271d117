using System.Net.Sockets;
using NitroEnclaves.Virtio;
using NitroEnclaves.Virtio.Tests;

namespace NitroEnclaves.Enclaves.Tests;

/// <summary>Sockets that keep messages, where the guest's driver has accepted the feature.</summary>
public sealed class VsockSeqpacketTests
{
    const ulong Feature = 1 << 1;
    const ushort Type = 2;
    const uint EndOfMessage = 1;

    [Fact]
    public void Messages_keep_their_limits_both_ways()
    {
        using var rig = new RouterRig();
        var (guest, host) = Connect(rig);
        using var program = host;

        // A message of three packets, and one of one.
        guest.Send(Packet(GuestPacket.ReadWrite, [1, 2]));
        guest.Send(Packet(GuestPacket.ReadWrite, VsockRig.Random(40_000, 1)), pieces: 3);
        guest.Send(Packet(GuestPacket.ReadWrite, [3], EndOfMessage));
        guest.Send(Packet(GuestPacket.ReadWrite, [4], EndOfMessage));
        var buffer = new byte[100_000];
        Assert.Equal(40_003, host.Receive(buffer));
        Assert.Equal([1, 2, .. VsockRig.Random(40_000, 1), 3], buffer[..40_003]);
        Assert.Equal(1, host.Receive(buffer));

        // One that takes three of the guest's buffers, and a short one.
        var message = VsockRig.Random(10_000, 2);
        host.Send(message);
        host.Send("short"u8);
        Assert.Equal(message, ReadMessage(guest));
        Assert.Equal("short"u8, ReadMessage(guest));

        host.Dispose();
        Assert.Equal(GuestPacket.Both, guest.Expect(GuestPacket.Shutdown).Flags);
        guest.Send(Packet(GuestPacket.Reset));
        rig.AwaitNoConnections();
    }

    [Fact]
    public void A_program_that_reads_late_gets_every_message()
    {
        using var rig = new RouterRig();
        var (guest, host) = Connect(rig);
        using var program = host;
        for (var i = 0; i < 250; i++)
        {
            guest.Send(Packet(GuestPacket.ReadWrite, VsockRig.Random(1 + i * 4, i), EndOfMessage));
        }

        guest.Send(Packet(GuestPacket.Shutdown, flags: GuestPacket.Both));
        var buffer = new byte[100_000];
        for (var i = 0; i < 250; i++)
        {
            Assert.Equal(VsockRig.Random(1 + i * 4, i), buffer[..host.Receive(buffer)]);
        }

        Assert.Equal(0, host.Receive(buffer));
    }

    [Fact]
    public void A_message_beyond_the_credit_waits_for_more()
    {
        using var rig = new RouterRig();
        var (guest, host) = Connect(rig, window: 1000);
        using var program = host;
        host.Send(new byte[1500]);
        Assert.Equal((1000, 0u), (guest.Expect(GuestPacket.ReadWrite) is var first ? first.Payload.Length : 0, first.Flags));
        guest.Expect(GuestPacket.CreditRequest);
        Assert.True(guest.IsSilent());
        guest.Send(Packet(GuestPacket.CreditUpdate) with { BufferSize = 1000, Forwarded = 1000 });
        Assert.Equal((500, EndOfMessage), (guest.Expect(GuestPacket.ReadWrite) is var last ? last.Payload.Length : 0, last.Flags));
    }

    [Fact]
    public void A_listener_for_streams_refuses_messages()
    {
        using var rig = new RouterRig();
        using var listener = rig.Listen(5000);
        var guest = Start(rig);
        guest.Send(Packet(GuestPacket.Request));
        Assert.Equal(Type, guest.Expect(GuestPacket.Reset).Type);
    }

    [Fact]
    public void Without_the_feature_there_are_only_streams()
    {
        using var rig = new RouterRig();
        using var listener = Listen(rig, 5000);
        var guest = rig.StoppedGuest().Start(VirtioFeatures.Ring);
        guest.Send(Packet(GuestPacket.Request));
        Assert.Equal(Type, guest.Expect(GuestPacket.Reset).Type);
    }

    [Fact]
    public void A_packet_of_the_other_type_is_of_no_connection()
    {
        using var rig = new RouterRig();
        using var listener = Listen(rig, 5000);
        var guest = Start(rig);
        guest.Send(Packet(GuestPacket.Request));
        guest.Expect(GuestPacket.Response);
        guest.Send(Packet(GuestPacket.ReadWrite, [1]) with { Type = GuestPacket.Stream });
        Assert.Equal(GuestPacket.Stream, guest.Expect(GuestPacket.Reset).Type);
        guest.Send(Packet(GuestPacket.Request) with { Type = GuestPacket.Stream });
        Assert.Equal(GuestPacket.Stream, guest.Expect(GuestPacket.Reset).Type);
    }

    [Fact]
    public void A_message_without_end_keeps_nothing_open()
    {
        using var rig = new RouterRig();
        var (guest, host) = Connect(rig);
        using var program = host;
        guest.Send(Packet(GuestPacket.ReadWrite, [1, 2, 3]));
        guest.Send(Packet(GuestPacket.Shutdown, flags: GuestPacket.Both));
        guest.Expect(GuestPacket.Reset);
        Assert.Equal(0, host.Receive(new byte[10]));
        rig.AwaitNoConnections();
    }

    static VsockGuest Start(RouterRig rig) => rig.StoppedGuest().Start(VirtioFeatures.Ring | Feature);

    // A connection that the guest began: its driver, and the program's end.
    static (VsockGuest Guest, Socket Host) Connect(RouterRig rig, uint window = 256 * 1024)
    {
        using var listener = Listen(rig, 5000);
        var guest = Start(rig);
        guest.Send(Packet(GuestPacket.Request) with { BufferSize = window });
        Assert.Equal(Type, guest.Expect(GuestPacket.Response).Type);
        var host = listener.Accept();
        host.ReceiveTimeout = (int)VsockGuest.Patience.TotalMilliseconds;
        return (guest, host);
    }

    static GuestPacket Packet(ushort operation, byte[]? payload = null, uint flags = 0) =>
        VsockGuest.Packet(operation, 1000, 5000, flags, payload) with { Type = Type, BufferSize = 256 * 1024 };

    static byte[] ReadMessage(VsockGuest guest)
    {
        var message = new List<byte>();
        GuestPacket packet;
        do
        {
            packet = guest.Receive();
            if (packet.Operation == GuestPacket.ReadWrite)
            {
                message.AddRange(packet.Payload);
            }
        }
        while (packet.Operation != GuestPacket.ReadWrite || packet.Flags != EndOfMessage);
        return [.. message];
    }

    static Socket Listen(RouterRig rig, uint port)
    {
        var listener = new Socket(AddressFamily.Unix, SocketType.Seqpacket, ProtocolType.Unspecified);
        listener.Bind(new UnixDomainSocketEndPoint($"{rig.UnixPath}_{port}"));
        listener.Listen(8);
        return listener;
    }
}
