using System.Net.Sockets;
using NitroEnclaves.Virtio.Tests;

namespace NitroEnclaves.Enclaves.Tests;

/// <summary>Guests that reach each other: through two routers' Unix sockets, and inside one server.</summary>
public sealed class VsockPeerTests : IDisposable
{
    readonly DirectoryInfo _folder = Directory.CreateTempSubdirectory("peers-");

    public void Dispose() => _folder.Delete(recursive: true);

    [Fact]
    public void A_guest_reaches_another_one_by_its_cid()
    {
        using var callee = new RouterRig(options => options with { GuestCid = 17 });
        using var caller = new RouterRig(options => options with { PeerPath = cid => cid == 17 ? callee.UnixPath : null });
        _ = callee.Guest;
        Talk(caller.Guest, callee.Guest);
    }

    [Fact]
    public void A_peer_that_refuses_resets_the_caller()
    {
        using var callee = new RouterRig(options => options with { GuestCid = 17 });
        using var caller = new RouterRig(options => options with { PeerPath = cid => cid == 17 ? callee.UnixPath : null });
        _ = callee.Guest;
        caller.Guest.Send(VsockGuest.Packet(GuestPacket.Request, 1000, 5000) with { DestinationCid = 17 });
        var request = callee.Guest.Expect(GuestPacket.Request);
        callee.Guest.Send(VsockGuest.Packet(GuestPacket.Reset, 5000, 1000) with { SourceCid = 17, DestinationCid = request.SourceCid });
        Assert.Equal(17UL, caller.Guest.Expect(GuestPacket.Reset).SourceCid);
    }

    [Theory]
    [InlineData(0u)]
    [InlineData(1u)]
    [InlineData(16u)]
    [InlineData(18u)]
    [InlineData(uint.MaxValue)]
    public void A_cid_that_is_not_allowed_is_reset(uint cid)
    {
        using var caller = new RouterRig(options => options with { PeerPath = _ => null });
        caller.Guest.Send(VsockGuest.Packet(GuestPacket.Request, 1000, 5000) with { DestinationCid = cid });
        Assert.Equal((ulong)cid, caller.Guest.Expect(GuestPacket.Reset).SourceCid);
    }

    [Fact]
    public void A_peer_that_is_gone_resets_the_caller()
    {
        using var caller = new RouterRig(options => options with { PeerPath = _ => Path.Combine(_folder.FullName, "nobody") });
        caller.Guest.Send(VsockGuest.Packet(GuestPacket.Request, 1000, 5000) with { DestinationCid = 17 });
        caller.Guest.Expect(GuestPacket.Reset);
    }

    [Fact]
    public void A_peer_that_never_answers_is_given_up()
    {
        var path = Path.Combine(_folder.FullName, "silent");
        using var silent = new Socket(AddressFamily.Unix, SocketType.Stream, ProtocolType.Unspecified);
        silent.Bind(new UnixDomainSocketEndPoint(path));
        silent.Listen();
        using var caller = new RouterRig(options => options with { PeerPath = _ => path });
        caller.Guest.Send(VsockGuest.Packet(GuestPacket.Request, 1000, 5000) with { DestinationCid = 17 });
        using var accepted = silent.Accept();
        accepted.Send("O"u8);
        caller.Guest.Expect(GuestPacket.Reset);
    }

    [Theory]
    [InlineData("a", "a", true)]
    [InlineData("a", "b", false)]
    public void Guests_of_one_server_reach_each_other_in_a_common_group(string first, string second, bool reached)
    {
        using var server = VsockDeviceServer.Start(
        [
            new VsockDeviceConfiguration { GuestCid = VsockGuest.Cid, SocketPath = Path.Combine(_folder.FullName, "1"), Groups = [first, "x"] },
            new VsockDeviceConfiguration { GuestCid = 17, SocketPath = Path.Combine(_folder.FullName, "2"), Groups = [second] },
        ]);
        using var caller = new VsockGuest(Path.Combine(_folder.FullName, "1")).Start();
        using var callee = new VsockGuest(Path.Combine(_folder.FullName, "2")).Start();
        if (reached)
        {
            Talk(caller, callee);
            return;
        }

        caller.Send(VsockGuest.Packet(GuestPacket.Request, 1000, 5000) with { DestinationCid = 17 });
        caller.Expect(GuestPacket.Reset);
    }

    [Fact]
    public void Two_machines_cannot_have_one_cid() => Assert.Throws<ArgumentException>(() => VsockDeviceServer.Start(
    [
        new VsockDeviceConfiguration { SocketPath = Path.Combine(_folder.FullName, "1") },
        new VsockDeviceConfiguration { SocketPath = Path.Combine(_folder.FullName, "2") },
    ]));

    static void Talk(VsockGuest caller, VsockGuest callee)
    {
        caller.Send(VsockGuest.Packet(GuestPacket.Request, 1000, 5000) with { DestinationCid = 17, BufferSize = 65536 });
        var request = callee.Expect(GuestPacket.Request);
        Assert.Equal((16UL, 17UL, 1000u, 5000u), (request.SourceCid, request.DestinationCid, request.SourcePort, request.DestinationPort));
        callee.Send(VsockGuest.Packet(GuestPacket.Response, 5000, 1000) with { SourceCid = 17, DestinationCid = 16, BufferSize = 65536 });
        Assert.Equal((17UL, 5000u), (caller.Expect(GuestPacket.Response) is var response ? response.SourceCid : 0, response.SourcePort));

        caller.Send(VsockGuest.Packet(GuestPacket.ReadWrite, 1000, 5000, payload: "question"u8.ToArray()) with { DestinationCid = 17, BufferSize = 65536 });
        Assert.Equal("question"u8, callee.Expect(GuestPacket.ReadWrite).Payload);
        callee.Send(VsockGuest.Packet(GuestPacket.ReadWrite, 5000, 1000, payload: "answer"u8.ToArray()) with { SourceCid = 17, DestinationCid = 16, BufferSize = 65536 });
        Assert.Equal("answer"u8, caller.Expect(GuestPacket.ReadWrite).Payload);

        caller.Send(VsockGuest.Packet(GuestPacket.Shutdown, 1000, 5000, GuestPacket.Both) with { DestinationCid = 17 });
        caller.Expect(GuestPacket.Reset);
        Assert.Equal(GuestPacket.Both, callee.Expect(GuestPacket.Shutdown).Flags);
    }
}
