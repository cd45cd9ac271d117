namespace NitroEnclaves.Virtio.Tests;

/// <summary>Guests that break the rules. Whatever they do, the chain comes back, nobody else notices and memory stays bounded.</summary>
static class HostileCases
{
    const ulong Scratch = GuestRam.LowBase + 0x8_0000;

    public static void ZeroLengthChain(VsockRig rig) => BadChain(rig, DriverBuffer.Out(Scratch, 0));

    public static void ShortHeader(VsockRig rig) => BadChain(rig, DriverBuffer.Out(Scratch, 43));

    public static void HeaderOutsideMemory(VsockRig rig) => BadChain(rig, DriverBuffer.Out(0x10_0000_0000, 44));

    public static void HeaderWrapsAround(VsockRig rig) => BadChain(rig, DriverBuffer.Out(ulong.MaxValue - 10, 44));

    public static void HeaderCrossesTheEnd(VsockRig rig) => BadChain(rig, DriverBuffer.Out(GuestRam.LowBase + GuestRam.LowSize - 20, 44));

    public static void DataOutsideMemory(VsockRig rig) => BadData(rig, DriverBuffer.Out(0x10_0000_0000, 100));

    public static void DataCrossesTheEnd(VsockRig rig) => BadData(rig, DriverBuffer.Out(GuestRam.HighBase + GuestRam.HighSize - 50, 100));

    public static void WritableHeader(VsockRig rig) => BadChain(rig, DriverBuffer.In(Scratch, 44));

    public static void WritableData(VsockRig rig) => BadData(rig, DriverBuffer.In(Scratch + 0x1000, 100));

    public static void LengthBeyondTheChain(VsockRig rig) => BadLength(rig, 101);

    public static void LengthAtItsMaximum(VsockRig rig) => BadLength(rig, uint.MaxValue);

    public static void LengthAbove64KiB(VsockRig rig) => BadLength(rig, 65537);

    public static void DescriptorLoop(VsockRig rig)
    {
        var ring = rig.Guest.Transmitting;
        var head = (ushort)(ring.Size - 1);
        ring.SetDescriptor(head, Scratch, 1, DriverRing.Next, head);
        ring.Offer(head);
        ring.SetDescriptor(head - 1, Scratch, 1, DriverRing.Next, (ushort)(head - 2));
        ring.SetDescriptor(head - 2, Scratch, 1, DriverRing.Next, (ushort)(head - 1));
        ring.Offer((ushort)(head - 1));
        ring.SetDescriptor(head - 3, Scratch, 1, DriverRing.Next, (ushort)ring.Size);
        ring.Offer((ushort)(head - 3));
        rig.Guest.FrontEnd.Kick(VsockGuest.TransmitQueue);
        foreach (var expected in new[] { head, head - 1, head - 3 })
        {
            Assert.Equal(((uint)expected, 0u), rig.Guest.FrontEnd.WaitForUsed(VsockGuest.TransmitQueue));
        }

        rig.AssertAlive();
    }

    public static void HeadOutOfRange(VsockRig rig)
    {
        rig.Guest.Transmitting.Offer((ushort)rig.Guest.Transmitting.Size);
        rig.Guest.FrontEnd.Kick(VsockGuest.TransmitQueue);
        AssertRecovers(rig);
    }

    public static void AvailableIndexJumps(VsockRig rig)
    {
        rig.Guest.Transmitting.AvailableIndex += (ushort)(rig.Guest.Transmitting.Size + 1);
        rig.Guest.FrontEnd.Kick(VsockGuest.TransmitQueue);
        Assert.True(rig.Guest.FrontEnd.WaitForError(VsockGuest.TransmitQueue));
        AssertRecovers(rig);
    }

    /// <summary>Receive buffers that cannot be written come back empty; the bytes wait for better ones.</summary>
    public static void UselessReceiveBuffers(VsockRig rig)
    {
        var guest = rig.StoppedGuest();
        guest.Refills = false;
        guest.Start(receiveBuffers: 1);
        var (connection, host) = rig.Connect();
        host.Send("patient"u8);
        var ring = guest.Receiving;
        Span<ushort> heads =
        [
            ring.Add(DriverBuffer.Out(Scratch, 4096)),
            ring.Add(DriverBuffer.In(Scratch, 43)),
            ring.Add(DriverBuffer.In(0x10_0000_0000, 4096)),
            ring.Add(DriverBuffer.In(Scratch, 0)),
        ];
        guest.FrontEnd.Kick(VsockGuest.ReceiveQueue);
        foreach (var head in heads)
        {
            Assert.Equal((head, 0u), guest.FrontEnd.WaitForUsed(VsockGuest.ReceiveQueue));
        }

        guest.Refill();
        Assert.Equal("patient"u8, connection.Read(7));
    }

    public static void UnknownOperations(VsockRig rig)
    {
        var (guest, host) = rig.Connect();
        foreach (var operation in new ushort[] { 0, 8, 255, 65535 })
        {
            guest.Send(operation);
            rig.Guest.Send(VsockGuest.Packet(operation, 9999, 9999));
            Assert.Equal(9999u, rig.Guest.Expect(GuestPacket.Reset).DestinationPort);
        }

        AssertUnharmed(guest, host);
    }

    public static void PacketsOfNoConnection(VsockRig rig)
    {
        _ = rig.Guest;
        foreach (var operation in new[]
        {
            GuestPacket.Response, GuestPacket.ReadWrite, GuestPacket.Shutdown, GuestPacket.CreditUpdate, GuestPacket.CreditRequest,
        })
        {
            rig.Guest.Send(VsockGuest.Packet(operation, 7, 8, payload: operation == GuestPacket.ReadWrite ? [1] : null));
            var reset = rig.Guest.Expect(GuestPacket.Reset);
            Assert.Equal((8u, 7u, (ulong)GuestPacket.ParentCid), (reset.SourcePort, reset.DestinationPort, reset.SourceCid));
        }
    }

    public static void ResetOfNoConnectionIsNotAnswered(VsockRig rig)
    {
        rig.Guest.Send(VsockGuest.Packet(GuestPacket.Reset, 7, 8));
        Assert.True(rig.Guest.IsSilent());
    }

    public static void UnknownTypes(VsockRig rig)
    {
        using var listener = rig.Listen(5000);
        foreach (var type in new ushort[] { 0, 2, 3, 99, 65535 })
        {
            rig.Guest.Send(VsockGuest.Packet(GuestPacket.Request, 1, 5000) with { Type = type });
            Assert.Equal(type, rig.Guest.Expect(GuestPacket.Reset).Type);
        }
    }

    public static void WrongSourceCids(VsockRig rig)
    {
        using var listener = rig.Listen(5000);
        foreach (var cid in new ulong[] { 0, 2, 3, 17, 1UL << 32 | VsockGuest.Cid, ulong.MaxValue })
        {
            rig.Guest.Send(VsockGuest.Packet(GuestPacket.Request, 1, 5000) with { SourceCid = cid });
        }

        Assert.True(rig.Guest.IsSilent());
        Assert.False(listener.Poll(0, System.Net.Sockets.SelectMode.SelectRead));
    }

    public static void ResponseOnAnEstablishedConnection(VsockRig rig)
    {
        var (guest, host) = rig.Connect();
        guest.Send(GuestPacket.Response);
        AssertUnharmed(guest, host);
    }

    public static void ShutdownWithoutOrWithUnknownFlags(VsockRig rig)
    {
        var (guest, host) = rig.Connect();
        guest.Send(GuestPacket.Shutdown, 0);
        guest.Send(GuestPacket.Shutdown, 0xFFFF_FFFC);
        AssertUnharmed(guest, host);
    }

    public static void DataAfterShutdownIsDropped(VsockRig rig)
    {
        var (guest, host) = rig.Connect();
        guest.Send(GuestPacket.ReadWrite, payload: "before"u8.ToArray());
        guest.Send(GuestPacket.Shutdown, GuestPacket.NoSend);
        guest.Send(GuestPacket.ReadWrite, payload: "after"u8.ToArray());
        Assert.Equal("before"u8, VsockRig.ReadToEnd(host));
    }

    public static void EmptyData(VsockRig rig)
    {
        var (guest, host) = rig.Connect();
        guest.Send(GuestPacket.ReadWrite);
        AssertUnharmed(guest, host);
    }

    /// <summary>More than the credit allows is never lost in silence: the connection ends.</summary>
    public static void CreditOverrun(VsockRig rig)
    {
        var (guest, _) = rig.Connect();
        var packets = 0;
        for (var isReset = false; !isReset; packets++)
        {
            Assert.True(packets < 200, "The device takes whatever it is sent.");
            guest.Send(GuestPacket.ReadWrite, payload: new byte[60_000]);
            while (rig.Guest.TryReceive(out var packet))
            {
                isReset |= packet.Operation == GuestPacket.Reset;
            }
        }

        // Packets that were under way belong to no connection any more.
        rig.Guest.AwaitTransmitted();
        CountUntilSilent(rig);
        rig.AssertAlive();
    }

    /// <summary>What the guest says of its window may be nonsense; what is sent stays within what it could mean.</summary>
    public static void ForwardedBeyondSent(VsockRig rig)
    {
        var (guest, host) = rig.Connect(window: 10_000);
        rig.Guest.Send(VsockGuest.Packet(GuestPacket.CreditUpdate, guest.GuestPort, guest.HostPort) with { BufferSize = 10_000, Forwarded = 1_000_000 });
        host.Send(new byte[100_000]);
        Assert.InRange(CountUntilSilent(rig), 0, 10_000);
    }

    public static void WindowShrinksBelowWhatIsUnderWay(VsockRig rig)
    {
        var (guest, host) = rig.Connect(window: 10_000);
        host.Send(new byte[100_000]);
        Assert.Equal(10_000, CountUntilSilent(rig));
        rig.Guest.Send(VsockGuest.Packet(GuestPacket.CreditUpdate, guest.GuestPort, guest.HostPort) with { BufferSize = 100, Forwarded = 5_000 });
        Assert.Equal(0, CountUntilSilent(rig));
    }

    /// <summary>A hundred thousand packets of no connection while no answer is taken.</summary>
    public static void ResetFlood(VsockRig rig)
    {
        var guest = rig.StoppedGuest();
        guest.Refills = false;
        guest.HasChainsByHand = true;
        guest.Start(receiveBuffers: 8);
        var ring = guest.Transmitting;
        VsockGuest.Packet(GuestPacket.CreditUpdate, 7, 8).WriteHeader(guest.FrontEnd.Ram[Scratch, GuestPacket.HeaderSize]);
        var sent = 0;
        for (var idle = 0; sent < 100_000 && idle < 200;)
        {
            while (ring.FreeDescriptors > 0 && sent < 100_000)
            {
                ring.Add(DriverBuffer.Out(Scratch, GuestPacket.HeaderSize));
                sent++;
                idle = 0;
            }

            guest.FrontEnd.Kick(VsockGuest.TransmitQueue);
            while (ring.TryGetUsed(out _, out _))
            {
            }

            idle++;
            guest.FrontEnd.WaitForCall(VsockGuest.TransmitQueue, 1);
        }

        guest.Refill();
        for (var answers = 0; answers < 100; answers++)
        {
            guest.Expect(GuestPacket.Reset);
        }
    }

    static void BadChain(VsockRig rig, DriverBuffer buffer)
    {
        var (guest, host) = rig.Connect();
        rig.Guest.AwaitTransmitted();
        rig.Guest.TransmitUsed.Clear();
        rig.Guest.SendRaw(buffer);
        rig.Guest.AwaitTransmitted();
        Assert.Equal([0u], rig.Guest.TransmitUsed);
        AssertUnharmed(guest, host);
    }

    static void BadData(VsockRig rig, DriverBuffer data)
    {
        var (guest, host) = rig.Connect();
        rig.Guest.AwaitTransmitted();
        rig.Guest.TransmitUsed.Clear();
        (guest.Packet(GuestPacket.ReadWrite) with { Length = 100 }).WriteHeader(rig.Guest.FrontEnd.Ram[Scratch, GuestPacket.HeaderSize]);
        rig.Guest.SendRaw(DriverBuffer.Out(Scratch, GuestPacket.HeaderSize), data);
        rig.Guest.AwaitTransmitted();
        Assert.Equal([0u], rig.Guest.TransmitUsed);
        Assert.False(host.Poll(10_000, System.Net.Sockets.SelectMode.SelectRead) && host.Available > 0, "Bytes from nowhere were delivered.");
        while (rig.Guest.TryReceive(out var packet))
        {
            Assert.Equal(GuestPacket.Reset, packet.Operation);
        }

        rig.AssertAlive();
    }

    static void BadLength(VsockRig rig, uint length)
    {
        var (guest, host) = rig.Connect();
        rig.Guest.Send(guest.Packet(GuestPacket.ReadWrite) with { Payload = new byte[100], Length = length });
        rig.Guest.AwaitTransmitted();
        Assert.Equal(GuestPacket.Reset, guest.Next().Operation);
        Assert.True(VsockRig.IsEnded(host));
        rig.AssertAlive();
    }

    static void AssertUnharmed(GuestConnection guest, System.Net.Sockets.Socket host)
    {
        guest.Send(GuestPacket.ReadWrite, payload: "fine"u8.ToArray());
        Assert.Equal("fine", VsockRig.ReadText(host, 4));
        host.Send("good"u8);
        Assert.Equal("good"u8, guest.Read(4));
    }

    static void AssertRecovers(VsockRig rig)
    {
        rig.ReplaceGuest();
        rig.AssertAlive();
    }

    static int CountUntilSilent(VsockRig rig)
    {
        var bytes = 0;
        while (!rig.Guest.IsSilent(50))
        {
            while (rig.Guest.TryReceive(out var packet))
            {
                bytes += packet.Payload.Length;
            }
        }

        return bytes;
    }
}
