using System.Diagnostics;

namespace NitroEnclaves.Virtio.Tests;

/// <summary>
/// A pretended guest's vsock driver over a vhost-user connection. It behaves like Linux's unless a test tells it not to, and leaves every
/// decision about packets to the test: nothing is answered by itself.
/// </summary>
sealed class VsockGuest : IDisposable
{
    public const int ReceiveQueue = 0;
    public const int TransmitQueue = 1;
    public const uint Cid = 16;

    const ulong ReceiveArea = GuestRam.HighBase;
    const ulong TransmitArea = GuestRam.HighBase + 0x10_0000;
    const int SlotSize = 0x1_1000;
    const int Slots = (int)((GuestRam.HighSize - 0x10_0000) / SlotSize);

    /// <summary>How long the guest and its programs wait for what must come.</summary>
    public static TimeSpan Patience { get; set; } = TimeSpan.FromSeconds(60);

    readonly Dictionary<uint, ulong> _receiving = [];
    readonly Dictionary<uint, ulong> _sending = [];
    readonly Queue<ulong> _freeSlots = new();
    readonly Queue<GuestPacket> _received = new();
    readonly Queue<ulong> _kept = new();
    readonly int _receiveSize;
    ushort _announcedIndex;

    /// <param name="path">The back end's vhost-user socket.</param>
    /// <param name="receiveSize">Bytes of a receive buffer.</param>
    public VsockGuest(string path, int receiveSize = 4096)
    {
        _receiveSize = receiveSize;
        FrontEnd = new VhostUserFrontEnd(path, queues: 2);
        FrontEnd.Realize(configurationLength: 8);
    }

    public VhostUserFrontEnd FrontEnd { get; }

    public DriverRing Transmitting => FrontEnd.Rings[TransmitQueue];

    public DriverRing Receiving => FrontEnd.Rings[ReceiveQueue];

    /// <summary>Whether a receive buffer goes back to the device as soon as it was read.</summary>
    public bool Refills { get; set; } = true;

    /// <summary>Lengths that the device gave back with transmitted chains, the newest last.</summary>
    public List<uint> TransmitUsed { get; } = [];

    /// <summary>Whether the test has added chains to the transmit ring by hand, which come back unannounced.</summary>
    public bool HasChainsByHand { get; set; }

    /// <summary>Chains that the device has not given back.</summary>
    public int Outstanding => _sending.Count;

    /// <summary>The driver starts: fresh rings, and receive buffers in place.</summary>
    public VsockGuest Start(ulong features = VirtioFeatures.Ring, int size = 128, int receiveBuffers = 128)
    {
        _receiving.Clear();
        _sending.Clear();
        _received.Clear();
        _freeSlots.Clear();
        _kept.Clear();
        _announcedIndex = 0;
        for (var i = 0; i < Slots; i++)
        {
            _freeSlots.Enqueue(TransmitArea + (ulong)(i * SlotSize));
        }

        // A driver accepts what is offered and nothing else.
        FrontEnd.Start(features & FrontEnd.OfferedFeatures, size, rings =>
        {
            var count = Math.Min(Math.Min(receiveBuffers, size), 0x10_0000 / _receiveSize);
            for (var i = 0; i < count; i++)
            {
                AddReceiveBuffer(rings[ReceiveQueue], ReceiveArea + (ulong)(i * _receiveSize));
            }
        });
        return this;
    }

    /// <summary>A packet from the guest's port to the parent's.</summary>
    public static GuestPacket Packet(ushort operation, uint sourcePort, uint destinationPort, uint flags = 0, byte[]? payload = null) => new()
    {
        SourceCid = Cid,
        SourcePort = sourcePort,
        DestinationPort = destinationPort,
        Operation = operation,
        Flags = flags,
        Payload = payload ?? [],
    };

    /// <summary>Sends a packet, its payload in one piece behind the header or in several descriptors of their own.</summary>
    /// <param name="packet">The packet.</param>
    /// <param name="pieces">Descriptors for the payload; 0 puts it into the header's.</param>
    /// <param name="kick">Whether the device is notified if it wants to be.</param>
    public void Send(GuestPacket packet, int pieces = 0, bool kick = true)
    {
        var slot = TakeSlot(Math.Max(pieces, 1) + 1);
        packet.WriteHeader(FrontEnd.Ram[slot, GuestPacket.HeaderSize]);
        packet.Payload.CopyTo(FrontEnd.Ram[slot + GuestPacket.HeaderSize, packet.Payload.Length]);
        var buffers = new List<DriverBuffer>();
        if (pieces == 0 || packet.Payload.Length == 0)
        {
            buffers.Add(DriverBuffer.Out(slot, GuestPacket.HeaderSize + packet.Payload.Length));
        }
        else
        {
            buffers.Add(DriverBuffer.Out(slot, GuestPacket.HeaderSize));
            for (int i = 0, at = 0; i < pieces; i++)
            {
                var end = (int)((long)packet.Payload.Length * (i + 1) / pieces);
                buffers.Add(DriverBuffer.Out(slot + GuestPacket.HeaderSize + (ulong)at, end - at));
                at = end;
            }
        }

        Add(slot, [.. buffers], kick);
    }

    /// <summary>Adds a chain of any shape to the transmit ring.</summary>
    public void SendRaw(params ReadOnlySpan<DriverBuffer> buffers) => Add(TakeSlot(buffers.Length), buffers, kick: true);

    /// <summary>The next packet of the device.</summary>
    public GuestPacket Receive()
    {
        var clock = Stopwatch.StartNew();
        GuestPacket? packet;
        while (!TryReceive(out packet))
        {
            Assert.True(clock.Elapsed < Patience, "The device sends nothing.");
            FrontEnd.WaitForCall(ReceiveQueue, 20);
        }

        return packet;
    }

    /// <summary>The next packet, which has this operation.</summary>
    public GuestPacket Expect(ushort operation)
    {
        var packet = Receive();
        Assert.Equal(operation, packet.Operation);
        return packet;
    }

    public bool TryReceive([System.Diagnostics.CodeAnalysis.NotNullWhen(true)] out GuestPacket? packet)
    {
        Collect();
        return _received.TryDequeue(out packet);
    }

    /// <summary>Whether the device says nothing for a while.</summary>
    public bool IsSilent(int milliseconds = 30)
    {
        var clock = Stopwatch.StartNew();
        do
        {
            Collect();
            if (_received.Count > 0)
            {
                return false;
            }

            FrontEnd.WaitForCall(ReceiveQueue, 5);
        }
        while (clock.ElapsedMilliseconds < milliseconds);
        return true;
    }

    /// <summary>Gives the device all receive buffers back that were kept.</summary>
    public void Refill()
    {
        Refills = true;
        while (_kept.TryDequeue(out var address))
        {
            AddReceiveBuffer(Receiving, address);
        }

        FrontEnd.Kick(ReceiveQueue);
    }

    /// <summary>Waits until the device has given back every transmitted chain.</summary>
    public void AwaitTransmitted()
    {
        var clock = Stopwatch.StartNew();
        for (Collect(); _sending.Count > 0; Collect())
        {
            Assert.True(clock.Elapsed < Patience, $"The device keeps {_sending.Count} transmitted chains.");
            FrontEnd.WaitForCall(TransmitQueue, 5);
        }
    }

    public void Dispose() => FrontEnd.Dispose();

    /// <summary>Reads what the device has given back on both rings.</summary>
    void Collect()
    {
        while (Transmitting.TryGetUsed(out var id, out var length))
        {
            TransmitUsed.Add(length);
            if (_sending.Remove(id, out var slot))
            {
                _freeSlots.Enqueue(slot);
            }
            else
            {
                Assert.True(HasChainsByHand, "The device gave back a chain that it does not have.");
            }
        }

        var refilled = false;
        while (Receiving.TryGetUsed(out var id, out var length))
        {
            Assert.True(_receiving.Remove(id, out var address), "The device gave back a buffer that it does not have.");
            if (length > 0)
            {
                _received.Enqueue(GuestPacket.Read(FrontEnd.Ram[address, (int)length]));
            }

            if (Refills)
            {
                AddReceiveBuffer(Receiving, address);
                refilled = true;
            }
            else
            {
                _kept.Enqueue(address);
            }
        }

        if (refilled)
        {
            FrontEnd.Kick(ReceiveQueue);
        }
    }

    void AddReceiveBuffer(DriverRing ring, ulong address) => _receiving[ring.Add(DriverBuffer.In(address, _receiveSize))] = address;

    ulong TakeSlot(int descriptors)
    {
        var clock = Stopwatch.StartNew();
        while (_freeSlots.Count == 0 || Transmitting.FreeDescriptors < descriptors)
        {
            Collect();
            Assert.True(clock.Elapsed < Patience, "The device takes no packets.");
            FrontEnd.WaitForCall(TransmitQueue, 1);
        }

        return _freeSlots.Dequeue();
    }

    void Add(ulong slot, ReadOnlySpan<DriverBuffer> buffers, bool kick)
    {
        _sending[Transmitting.Add(buffers)] = slot;
        if (kick)
        {
            if (Transmitting.NeedsKick(_announcedIndex))
            {
                FrontEnd.Kick(TransmitQueue);
            }

            _announcedIndex = Transmitting.AvailableIndex;
        }
    }
}
