using System.Diagnostics;
using System.Net.Sockets;

namespace NitroEnclaves.Virtio.Tests;

/// <summary>How connections come about, in both directions.</summary>
static class ConnectCases
{
    public static void ConnectFields(VsockRig rig)
    {
        var (guest, _) = rig.Connect(guestPort: 1234, hostPort: 5000);
        Assert.True(guest.Credit >= 64 * 1024);
    }

    public static void RefusedConnectIsReset(VsockRig rig)
    {
        var clock = Stopwatch.StartNew();
        rig.Guest.Send(VsockGuest.Packet(GuestPacket.Request, 1, 5000));
        var reset = rig.Guest.Expect(GuestPacket.Reset);
        VsockRig.AssertWithin(1, clock);
        Assert.Equal(((ulong)GuestPacket.ParentCid, 16UL, 5000u, 1u), (reset.SourceCid, reset.DestinationCid, reset.SourcePort, reset.DestinationPort));
    }

    /// <summary>The reply comes from the CID that the guest used.</summary>
    public static void ParentIsCid2AsWellAsCid3(VsockRig rig)
    {
        using var listener = rig.Listen(5000);
        foreach (var cid in new[] { 2u, 3u })
        {
            rig.Guest.Send(VsockGuest.Packet(GuestPacket.Request, 1, 5000) with { DestinationCid = cid });
            Assert.Equal(cid, rig.Guest.Expect(GuestPacket.Response).SourceCid);
            rig.Accept(listener);
        }
    }

    public static void NobodyAtOtherCids(VsockRig rig)
    {
        using var listener = rig.Listen(5000);
        foreach (var cid in new ulong[] { 0, 1, VsockGuest.Cid, 77, 0xFFFF_FFFF })
        {
            rig.Guest.Send(VsockGuest.Packet(GuestPacket.Request, 1, 5000) with { DestinationCid = cid });
            Assert.Equal(cid, rig.Guest.Expect(GuestPacket.Reset).SourceCid);
        }
    }

    public static void PortIsReusedAtOnce(VsockRig rig)
    {
        using var listener = rig.Listen(5000);
        for (var round = 0; round < 50; round++)
        {
            var guest = GuestConnection.Open(rig.Guest, 1234, 5000);
            var host = rig.Accept(listener);
            guest.Send(GuestPacket.ReadWrite, payload: [(byte)round]);
            guest.Send(GuestPacket.Shutdown, GuestPacket.Both);
            Assert.Equal([(byte)round], VsockRig.ReadToEnd(host));
            Assert.Equal(GuestPacket.Reset, guest.Next().Operation);
        }
    }

    /// <summary>A guest that forgot a connection asks again: it is told that the old one is dead, and its next attempt succeeds.</summary>
    public static void RepeatedRequestResets(VsockRig rig)
    {
        var (guest, host) = rig.Connect();
        guest.Send(GuestPacket.Request);
        Assert.Equal(GuestPacket.Reset, guest.Next().Operation);
        Assert.True(VsockRig.IsEnded(host));
        rig.AssertAlive(guest.GuestPort);
    }

    public static void OkLineHasTheHostPort(VsockRig rig)
    {
        _ = rig.Guest;
        var client = rig.Dial("CONNECT 8080\n");
        var guest = GuestConnection.Accept(rig.Guest, 8080);
        var expected = $"OK {guest.HostPort}\n";
        Assert.Equal(expected, VsockRig.ReadText(client, expected.Length));
        Assert.True(guest.HostPort >= 1u << 30);
    }

    public static void LenientConnectLines(VsockRig rig)
    {
        _ = rig.Guest;
        foreach (var line in new[] { "connect 8080\n", "CONNECT  8080 \r\n", "Connect\t8080\n" })
        {
            rig.Dial(line);
            GuestConnection.Accept(rig.Guest, 8080);
        }
    }

    public static void WrongConnectLines(VsockRig rig)
    {
        _ = rig.Guest;
        foreach (var line in new[]
        {
            "\n", "CONNECT\n", "CONNECT \n", "CONNECT x\n", "CONNECT -1\n", "CONNECT +1\n", "CONNECT 4294967296\n", "CONNECT 1 2\n", "GET / HTTP/1.1\r\n",
            "CONNECT 1111111111111111111111111111111", new string('x', 100), "CONNECT1\n",
        })
        {
            Assert.True(VsockRig.IsEnded(rig.Dial(line)), line);
        }

        Assert.True(rig.Guest.IsSilent());
    }

    public static void SplitConnectLine(VsockRig rig)
    {
        _ = rig.Guest;
        var client = rig.Dial("CON");
        foreach (var part in new[] { "NECT", " 80", "80", "\n" })
        {
            Thread.Sleep(5);
            client.Send(System.Text.Encoding.ASCII.GetBytes(part));
        }

        GuestConnection.Accept(rig.Guest, 8080);
    }

    public static void BytesBehindTheConnectLineAreKept(VsockRig rig)
    {
        _ = rig.Guest;
        rig.Dial("CONNECT 8080\nhello");
        Assert.Equal("hello"u8, GuestConnection.Accept(rig.Guest, 8080).Read(5));
    }

    public static void GuestRefusesTheHost(VsockRig rig)
    {
        _ = rig.Guest;
        var client = rig.Dial("CONNECT 8080\n");
        var request = rig.Guest.Expect(GuestPacket.Request);
        rig.Guest.Send(VsockGuest.Packet(GuestPacket.Reset, 8080, request.SourcePort));
        Assert.True(VsockRig.IsEnded(client));
    }

    public static void UnansweredRequestEnds(VsockRig rig)
    {
        _ = rig.Guest;
        var client = rig.Dial("CONNECT 8080\n");
        rig.Guest.Expect(GuestPacket.Request);
        Assert.True(VsockRig.IsEnded(client));
        Assert.Equal(GuestPacket.Reset, rig.Guest.Receive().Operation);
    }

    /// <summary>Writing OK to a client that has gone must hurt nobody else.</summary>
    public static void ClientLeavesBeforeOk(VsockRig rig)
    {
        _ = rig.Guest;
        for (var round = 0; round < 20; round++)
        {
            rig.Dial("CONNECT 8080\n").Dispose();
            if (rig.Guest.IsSilent(5))
            {
                continue;
            }

            var request = rig.Guest.Receive();
            if (request.Operation == GuestPacket.Request)
            {
                rig.Guest.Send(VsockGuest.Packet(GuestPacket.Response, 8080, request.SourcePort));
            }
        }

        // The device's time-outs pass, until it has nothing more to say about those clients.
        while (!rig.Guest.IsSilent(700))
        {
            while (rig.Guest.TryReceive(out var packet))
            {
                Assert.NotEqual(GuestPacket.ReadWrite, packet.Operation);
            }
        }

        rig.AssertAlive();
    }

    public static void SilentClientsDelayNobody(VsockRig rig)
    {
        _ = rig.Guest;
        for (var i = 0; i < 200; i++)
        {
            rig.Dial(i % 2 == 0 ? "" : "CONNECT 80");
        }

        rig.AssertAlive();
        var client = rig.Dial("CONNECT 8080\n");
        GuestConnection.Accept(rig.Guest, 8080);
        Assert.StartsWith("OK ", VsockRig.ReadText(client, 4), StringComparison.Ordinal);
    }

    public static void FullBacklogDelaysNobody(VsockRig rig)
    {
        using var listener = rig.Listen(5000, backlog: 1);
        for (var i = 0u; i < 8; i++)
        {
            rig.Guest.Send(VsockGuest.Packet(GuestPacket.Request, 1000 + i, 5000));
        }

        var answers = Enumerable.Range(0, 8).Select(_ => rig.Guest.Receive().Operation).ToArray();
        Assert.Contains(GuestPacket.Response, answers);
        Assert.Contains(GuestPacket.Reset, answers);
        Assert.All(answers, answer => Assert.True(answer is GuestPacket.Response or GuestPacket.Reset));
        rig.AssertAlive();
    }

    public static void ConnectionsBeforeTheDriverRuns(VsockRig rig)
    {
        var guest = rig.StoppedGuest();
        var client = rig.Dial("CONNECT 8080\nearly");
        Thread.Sleep(20);
        guest.Start();
        Assert.Equal("early"u8, GuestConnection.Accept(guest, 8080).Read(5));
        Assert.StartsWith("OK ", VsockRig.ReadText(client, 4), StringComparison.Ordinal);
    }
}
