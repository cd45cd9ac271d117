using System.Diagnostics;
using System.Net.Sockets;

namespace NitroEnclaves.Virtio.Tests;

/// <summary>How connections end: half, wholly, in haste, and with the machine.</summary>
static class CloseCases
{
    public static void GuestEndsSending(VsockRig rig)
    {
        var (guest, host) = rig.Connect();
        guest.Send(GuestPacket.ReadWrite, payload: "last"u8.ToArray());
        guest.Send(GuestPacket.Shutdown, GuestPacket.NoSend);
        Assert.Equal("last"u8, VsockRig.ReadToEnd(host));

        host.Send("answer"u8);
        Assert.Equal("answer"u8, guest.Read(6));
        host.Dispose();
        Assert.Equal(GuestPacket.Shutdown, guest.Next().Operation);
    }

    public static void GuestEndsReceiving(VsockRig rig)
    {
        var (guest, host) = rig.Connect();
        guest.Send(GuestPacket.Shutdown, GuestPacket.NoReceive);
        guest.Send(GuestPacket.ReadWrite, payload: "still"u8.ToArray());
        Assert.Equal("still", VsockRig.ReadText(host, 5));
        Assert.Throws<SocketException>(() =>
        {
            for (var i = 0; i < 100; i++)
            {
                host.Send(new byte[1000]);
                Thread.Sleep(1);
            }
        });
        while (rig.Guest.TryReceive(out var packet))
        {
            Assert.NotEqual(GuestPacket.ReadWrite, packet.Operation);
        }
    }

    public static void GuestEndsBothInTwoPackets(VsockRig rig)
    {
        var (guest, host) = rig.Connect();
        guest.Send(GuestPacket.Shutdown, GuestPacket.NoSend);
        Assert.True(VsockRig.IsEnded(host));
        guest.Send(GuestPacket.Shutdown, GuestPacket.NoReceive);
        Assert.Equal(GuestPacket.Reset, guest.Next().Operation);
        rig.AwaitNoConnections();
    }

    public static void HostEndsSending(VsockRig rig)
    {
        var (guest, host) = rig.Connect();
        host.Send("last"u8);
        host.Shutdown(SocketShutdown.Send);
        Assert.Equal("last"u8, guest.ReadToEnd());
        Assert.Equal((GuestPacket.Shutdown, GuestPacket.NoSend), (guest.Last!.Operation, guest.Last.Flags));

        guest.Send(GuestPacket.ReadWrite, payload: "answer"u8.ToArray());
        Assert.Equal("answer", VsockRig.ReadText(host, 6));
        guest.Send(GuestPacket.Shutdown, GuestPacket.Both);
        Assert.True(VsockRig.IsEnded(host));
    }

    /// <summary>Both ends have said that they will not send: nothing is left to happen.</summary>
    public static void BothEndSending(VsockRig rig)
    {
        var (guest, host) = rig.Connect();
        host.Shutdown(SocketShutdown.Send);
        Assert.Equal(GuestPacket.NoSend, guest.Next().Flags);
        guest.Send(GuestPacket.Shutdown, GuestPacket.NoSend);
        Assert.True(VsockRig.IsEnded(host));
        guest.Send(GuestPacket.Shutdown, GuestPacket.Both);
        GuestPacket packet;
        do
        {
            packet = guest.Next();
        }
        while (packet.Operation == GuestPacket.Shutdown);
        Assert.Equal(GuestPacket.Reset, packet.Operation);
        rig.AwaitNoConnections();
    }

    /// <summary>A guest program that writes and closes at once, two hundred times: no byte is lost.</summary>
    public static void GuestSendsAndCloses(VsockRig rig)
    {
        using var listener = rig.Listen(5000);
        for (var round = 0; round < 200; round++)
        {
            var guest = GuestConnection.Open(rig.Guest, 1000 + (uint)round, 5000);
            var data = VsockRig.Random(round * 317 % 60_000, round);
            guest.Send(GuestPacket.ReadWrite, payload: data);
            guest.Send(GuestPacket.Shutdown, GuestPacket.Both);
            Assert.Equal(data, VsockRig.ReadToEnd(rig.Accept(listener)));
            Assert.Equal(GuestPacket.Reset, guest.Next().Operation);
        }

        rig.AwaitNoConnections();
    }

    /// <summary>As much as the credit allows and then the close, while the host program does not read.</summary>
    public static void GuestClosesWithAFullBuffer(VsockRig rig)
    {
        var (guest, host) = rig.Connect();
        host.ReceiveBufferSize = 4096;
        var sent = new List<byte>();
        for (var clock = Stopwatch.StartNew(); guest.Credit > 0 || !rig.Guest.IsSilent(50);)
        {
            if (guest.Credit > 0)
            {
                var data = VsockRig.Random((int)Math.Min(guest.Credit, 60_000), sent.Count);
                sent.AddRange(data);
                guest.Send(GuestPacket.ReadWrite, payload: data);
            }
            else
            {
                guest.Next();
            }

            VsockRig.AssertWithin(15, clock);
        }

        guest.Send(GuestPacket.Shutdown, GuestPacket.Both);
        rig.Guest.AwaitTransmitted();
        Assert.Equal(sent, VsockRig.ReadToEnd(host));
        GuestPacket packet;
        do
        {
            packet = rig.Guest.Receive();
        }
        while (packet.Operation == GuestPacket.CreditUpdate);
        Assert.Equal(GuestPacket.Reset, packet.Operation);
        rig.AwaitNoConnections();
    }

    /// <summary>The guest is reset after the time-out, and the host program still gets every byte when it reads at last.</summary>
    public static void GuestClosesAndTheHostIsSlow(VsockRig rig)
    {
        var (guest, host) = rig.Connect();
        var sent = new List<byte>();
        while (guest.Credit > 0)
        {
            var data = VsockRig.Random((int)Math.Min(guest.Credit, 60_000), sent.Count);
            sent.AddRange(data);
            guest.Send(GuestPacket.ReadWrite, payload: data);
            while (rig.Guest.TryReceive(out _))
            {
            }
        }

        guest.Send(GuestPacket.Shutdown, GuestPacket.Both);
        GuestPacket packet;
        do
        {
            packet = rig.Guest.Receive();
        }
        while (packet.Operation == GuestPacket.CreditUpdate);
        Assert.Equal(GuestPacket.Reset, packet.Operation);
        Assert.Equal(sent, VsockRig.ReadToEnd(host));
        rig.AwaitNoConnections();
    }

    public static void HostSendsAndCloses(VsockRig rig)
    {
        var (guest, host) = rig.Connect();
        var data = VsockRig.Random(150_000, 1);
        host.Send(data);
        host.Dispose();
        Assert.Equal(data, guest.ReadToEnd());
        Assert.Equal((GuestPacket.Shutdown, GuestPacket.Both), (guest.Last!.Operation, guest.Last.Flags));
        guest.Send(GuestPacket.Reset);
        rig.AwaitNoConnections();
    }

    /// <summary>The same with the guest's credit running out before the end.</summary>
    public static void HostSendsAndClosesBeyondTheCredit(VsockRig rig)
    {
        var (guest, host) = rig.Connect(window: 20_000);
        var data = VsockRig.Random(150_000, 2);
        host.Send(data);
        host.Dispose();
        Thread.Sleep(20);
        Assert.Equal(data, guest.ReadToEnd());
        Assert.Equal(GuestPacket.Both, guest.Last!.Flags);
    }

    public static void HostClosesAndTheGuestNeverConfirms(VsockRig rig)
    {
        var (guest, host) = rig.Connect();
        host.Dispose();
        Assert.Equal(GuestPacket.Both, guest.Next().Flags);
        Assert.Equal(GuestPacket.Reset, guest.Next().Operation);
        rig.AwaitNoConnections();
    }

    public static void GuestResets(VsockRig rig)
    {
        var (guest, host) = rig.Connect();
        guest.Send(GuestPacket.ReadWrite, payload: "data"u8.ToArray());
        guest.Send(GuestPacket.Reset);
        Assert.Equal("data"u8, VsockRig.ReadToEnd(host));
        Assert.True(rig.Guest.IsSilent());
        rig.AwaitNoConnections();
    }

    public static void GuestReboots(VsockRig rig)
    {
        var (_, host) = rig.Connect();
        rig.Guest.FrontEnd.Stop();
        rig.Guest.Start();
        Assert.True(VsockRig.IsEnded(host));
        Assert.True(rig.Guest.IsSilent());
        rig.AwaitNoConnections();
        rig.AssertAlive(1000);
    }

    /// <summary>Stopped and continued: connections live on, and bytes that came in between are delivered.</summary>
    public static void MachinePausesAndResumes(VsockRig rig)
    {
        var (guest, host) = rig.Connect();
        var bases = rig.Guest.FrontEnd.Stop();
        host.Send("meanwhile"u8);
        Assert.True(rig.Guest.IsSilent());
        rig.Guest.FrontEnd.Resume(VirtioFeatures.Ring & rig.Guest.FrontEnd.OfferedFeatures, bases);
        Assert.Equal("meanwhile"u8, guest.Read(9));
        guest.Send(GuestPacket.ReadWrite, payload: "back"u8.ToArray());
        Assert.Equal("back", VsockRig.ReadText(host, 4));
    }

    public static void RingsAreDisabledForAWhile(VsockRig rig)
    {
        var (guest, host) = rig.Connect();
        rig.Guest.FrontEnd.SetEnabled(VsockGuest.ReceiveQueue, enabled: false);
        host.Send("meanwhile"u8);
        Assert.True(rig.Guest.IsSilent());
        rig.Guest.FrontEnd.SetEnabled(VsockGuest.ReceiveQueue, enabled: true);
        Assert.Equal("meanwhile"u8, guest.Read(9));
    }

    public static void MemoryTableIsSentAgain(VsockRig rig)
    {
        var (guest, host) = rig.Connect();
        for (var round = 0; round < 5; round++)
        {
            rig.Guest.FrontEnd.SendMemory();
            host.Send("x"u8);
            Assert.Equal("x"u8, guest.Read(1));
            guest.Send(GuestPacket.ReadWrite, payload: "y"u8.ToArray());
            Assert.Equal("y", VsockRig.ReadText(host, 1));
        }
    }

    public static void FrontEndReconnects(VsockRig rig)
    {
        for (var round = 0; round < 5; round++)
        {
            var (_, host) = rig.Connect();
            rig.ReplaceGuest();
            Assert.True(VsockRig.IsEnded(host));
            rig.AssertAlive();
        }

        rig.AwaitNoConnections();
    }
}
