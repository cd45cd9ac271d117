using System.Security.Cryptography;

namespace NitroEnclaves.Virtio.Tests;

/// <summary>How bytes travel, and the credit that lets them.</summary>
static class DataCases
{
    const int Large = 32 * 1024 * 1024;

    public static void GuestToHostWithRandomSizes(VsockRig rig)
    {
        var random = new Random(1);
        var (guest, host) = rig.Connect();
        var data = VsockRig.Random(Large, 2);
        var hash = Task.Run(() => SHA256.HashData(VsockRig.ReadToEnd(host)));
        guest.Write(data, size: () => random.Next(1, 64 * 1024 + 1), pieces: () => random.Next(0, 5));
        guest.Send(GuestPacket.Shutdown, GuestPacket.NoSend);
        Assert.Equal(SHA256.HashData(data), hash.WaitAsync(TimeSpan.FromSeconds(30)).GetAwaiter().GetResult());
    }

    public static void HostToGuestWithRandomSizes(VsockRig rig)
    {
        var random = new Random(3);
        var (guest, host) = rig.Connect();
        var data = VsockRig.Random(Large, 4);
        var writing = Task.Run(() =>
        {
            for (int at = 0, size; at < data.Length; at += size)
            {
                size = Math.Min(random.Next(1, 100_000), data.Length - at);
                host.Send(data.AsSpan(at, size));
            }
        });
        Assert.Equal(SHA256.HashData(data), SHA256.HashData(guest.Read(data.Length)));
        writing.WaitAsync(TimeSpan.FromSeconds(30)).GetAwaiter().GetResult();
    }

    /// <summary>Linux sends a packet of 64 KiB as a header and up to 17 pages.</summary>
    public static void AnyNumberOfDescriptors(VsockRig rig)
    {
        var (guest, host) = rig.Connect();
        foreach (var pieces in new[] { 0, 1, 2, 3, 4, 5, 8, 15, 16, 17, 31, 32, 60 })
        {
            var data = VsockRig.Random(60_000, pieces);
            guest.Send(GuestPacket.ReadWrite, payload: data, pieces: pieces);
            Assert.Equal(data, VsockRig.ReadExactly(host, data.Length));
        }
    }

    public static void IndirectChains(VsockRig rig)
    {
        var guest = rig.StoppedGuest();
        Assert.NotEqual(0UL, guest.FrontEnd.OfferedFeatures & VirtioFeatures.IndirectDescriptors);
        guest.Start();
        var (connection, host) = rig.Connect();
        var packet = connection.Packet(GuestPacket.ReadWrite, payload: "indirect"u8.ToArray());
        const ulong table = GuestRam.LowBase + 0x8_0000;
        packet.WriteHeader(guest.FrontEnd.Ram[table + 0x1000, GuestPacket.HeaderSize]);
        packet.Payload.CopyTo(guest.FrontEnd.Ram[table + 0x2000, 8]);
        guest.Transmitting.AddIndirect(
            table, DriverBuffer.Out(table + 0x1000, GuestPacket.HeaderSize), DriverBuffer.Out(table + 0x2000, 3), DriverBuffer.Out(table + 0x2003, 5));
        guest.FrontEnd.Kick(VsockGuest.TransmitQueue);
        Assert.Equal("indirect", VsockRig.ReadText(host, 8));
    }

    /// <summary>Not a byte more than the guest's window is sent.</summary>
    public static void HostToGuestKeepsToTheWindow(VsockRig rig)
    {
        var (guest, host) = rig.Connect(window: 10_000);
        host.Send(VsockRig.Random(50_000, 5));
        var received = 0;
        var asked = 0;
        while (!rig.Guest.IsSilent(50))
        {
            while (rig.Guest.TryReceive(out var packet))
            {
                received += packet.Payload.Length;
                asked += packet.Operation == GuestPacket.CreditRequest ? 1 : 0;
            }
        }

        Assert.Equal(10_000, received);
        Assert.InRange(asked, 0, 1);

        // Half of it read: exactly so much follows.
        rig.Guest.Send(VsockGuest.Packet(GuestPacket.CreditUpdate, guest.GuestPort, guest.HostPort) with { BufferSize = 10_000, Forwarded = 4_000 });
        for (received = 0; received < 4_000;)
        {
            received += rig.Guest.Receive().Payload.Length;
        }

        Assert.Equal(4_000, received);
        while (!rig.Guest.IsSilent(30))
        {
            Assert.True(rig.Guest.TryReceive(out var packet));
            Assert.Empty(packet.Payload);
        }
    }

    public static void WindowOfZeroRestsQuietly(VsockRig rig)
    {
        var (guest, host) = rig.Connect(window: 0);
        host.Send(new byte[100]);
        var packets = 0;
        while (!rig.Guest.IsSilent(100))
        {
            Assert.True(rig.Guest.TryReceive(out var packet));
            Assert.Equal(GuestPacket.CreditRequest, packet.Operation);
            Assert.True(++packets <= 2, "The device asks for credit over and over.");
        }

        rig.Guest.Send(VsockGuest.Packet(GuestPacket.CreditUpdate, guest.GuestPort, guest.HostPort) with { BufferSize = 1000 });
        Assert.Equal(100, rig.Guest.Expect(GuestPacket.ReadWrite).Payload.Length);
    }

    public static void CreditRequestIsAnswered(VsockRig rig)
    {
        var (guest, host) = rig.Connect();
        guest.Send(GuestPacket.ReadWrite, payload: new byte[1000]);
        VsockRig.ReadExactly(host, 1000);
        guest.Send(GuestPacket.CreditRequest);
        var update = rig.Guest.Expect(GuestPacket.CreditUpdate);
        Assert.Equal(1000u, update.Forwarded);
        Assert.True(update.BufferSize >= 64 * 1024);
    }

    /// <summary>A host program that does not read: the guest's credit runs out, nothing is lost, and it goes on where it stopped.</summary>
    public static void StalledHostStopsTheGuestOnly(VsockRig rig)
    {
        var (guest, host) = rig.Connect();
        var sent = new List<byte>();
        var clock = System.Diagnostics.Stopwatch.StartNew();
        while (true)
        {
            if (guest.Credit < 32 * 1024)
            {
                if (rig.Guest.IsSilent(100))
                {
                    break;
                }

                guest.Next();
                continue;
            }

            var data = VsockRig.Random(32 * 1024, sent.Count);
            sent.AddRange(data);
            guest.Send(GuestPacket.ReadWrite, payload: data);
            VsockRig.AssertWithin(15, clock);
        }

        rig.Guest.AwaitTransmitted();
        rig.AssertAlive();
        Assert.Equal(sent, VsockRig.ReadExactly(host, sent.Count));
        Assert.Equal(GuestPacket.CreditUpdate, guest.Next().Operation);
        guest.Send(GuestPacket.ReadWrite, payload: [1]);
        Assert.Equal([1], VsockRig.ReadExactly(host, 1));
    }

    /// <summary>Two connections under way at once do not mix, and a flood on one lets the other through.</summary>
    public static void FloodLetsOthersThrough(VsockRig rig)
    {
        var (guest, host) = rig.Connect(guestPort: 1);
        var (flooded, source) = rig.Connect(guestPort: 2, hostPort: 5001, window: uint.MaxValue);
        using var stop = new CancellationTokenSource();
        var flooding = Task.Run(() =>
        {
            var chunk = new byte[64 * 1024];
            source.SendTimeout = 100;
            while (!stop.IsCancellationRequested)
            {
                try
                {
                    source.Send(chunk);
                }
                catch (System.Net.Sockets.SocketException)
                {
                }
            }
        });
        for (var round = 0; round < 50; round++)
        {
            host.Send([(byte)round]);
            GuestPacket packet;
            var between = 0;
            do
            {
                packet = rig.Guest.Receive();
                Assert.True(++between < 2_000, "The flood hides the other connection.");
            }
            while (packet.DestinationPort != guest.GuestPort);
            Assert.Equal([(byte)round], packet.Payload);
        }

        stop.Cancel();
        flooding.WaitAsync(VsockGuest.Patience).GetAwaiter().GetResult();
        Assert.Equal(2u, flooded.GuestPort);
    }

    /// <summary>300 requests with no receive buffer in the ring: the answers wait, and none is lost.</summary>
    public static void ReceiveStarvation(VsockRig rig)
    {
        var guest = rig.StoppedGuest();
        guest.Refills = false;
        guest.Start(receiveBuffers: 4);
        for (var i = 0u; i < 300; i++)
        {
            guest.Send(VsockGuest.Packet(GuestPacket.Request, 1000 + i, 5999), kick: i % 16 == 15 || i == 299);
            if (i % 16 == 15)
            {
                Thread.Sleep(1);
            }

            if (i == 200)
            {
                guest.IsSilent(20);
                guest.Refill();
            }
        }

        var answered = new HashSet<uint>();
        while (answered.Count < 300)
        {
            Assert.True(answered.Add(guest.Expect(GuestPacket.Reset).DestinationPort));
        }
    }

    public static void WithoutEventIndex(VsockRig rig) => EchoWith(rig, VirtioFeatures.Version1, 128);

    public static void WithoutAnyFeature(VsockRig rig) => EchoWith(rig, 0, 128);

    public static void RingOf1024(VsockRig rig) => EchoWith(rig, VirtioFeatures.Version1 | VirtioFeatures.EventIndex, 1024);

    static void EchoWith(VsockRig rig, ulong features, int size)
    {
        var guest = rig.StoppedGuest();
        guest.Start(features, size);
        var (connection, host) = rig.Connect();
        for (var round = 0; round < 300; round++)
        {
            var data = VsockRig.Random(1 + round * 37, round);
            connection.Write(data);
            Assert.Equal(data, VsockRig.ReadExactly(host, data.Length));
            host.Send(data);
            Assert.Equal(data, connection.Read(data.Length));
        }
    }

    public static void ManyConnectionsAtOnce(VsockRig rig)
    {
        using var listener = rig.Listen(5000, backlog: 1000);
        const int count = 500;
        var open = new Dictionary<uint, GuestConnection>();
        var hosts = new List<System.Net.Sockets.Socket>();
        for (var i = 0u; i < count; i++)
        {
            open[1000 + i] = GuestConnection.Open(rig.Guest, 1000 + i, 5000);
            hosts.Add(rig.Accept(listener));
        }

        for (var i = 0; i < count; i++)
        {
            hosts[i].Send(BitConverter.GetBytes(i));
        }

        for (var i = 0; i < count; i++)
        {
            var packet = rig.Guest.Expect(GuestPacket.ReadWrite);
            Assert.Equal(packet.DestinationPort - 1000, BitConverter.ToUInt32(packet.Payload));
        }

        foreach (var connection in open.Values)
        {
            connection.Send(GuestPacket.Shutdown, GuestPacket.Both);
            Assert.Equal(GuestPacket.Reset, rig.Guest.Receive().Operation);
        }

        Assert.All(hosts, host => Assert.True(VsockRig.IsEnded(host)));
        rig.AwaitNoConnections();
    }
}
