namespace NitroEnclaves.Virtio.Tests;

/// <summary>One connection of a <see cref="VsockGuest"/>, for tests that have one at a time: keeps the ports and the credit.</summary>
sealed class GuestConnection(VsockGuest guest, uint guestPort, uint hostPort)
{
    const uint BufferSize = 256 * 1024;

    uint _sent;
    uint _received;
    uint _peerBuffer;
    uint _peerForwarded;

    public uint GuestPort => guestPort;

    public uint HostPort => hostPort;

    /// <summary>The window that this end announces, unless a test changes it.</summary>
    public uint Window { get; set; } = BufferSize;

    /// <summary>Bytes that may be sent now.</summary>
    public long Credit => (long)_peerBuffer - (_sent - _peerForwarded);

    /// <summary>The packet that ended the last wait and was no data.</summary>
    public GuestPacket? Last { get; private set; }

    /// <summary>Asks for a connection and waits until it is granted.</summary>
    public static GuestConnection Open(VsockGuest guest, uint guestPort, uint hostPort, uint window = BufferSize)
    {
        var connection = new GuestConnection(guest, guestPort, hostPort) { Window = window };
        connection.Send(GuestPacket.Request);
        var response = guest.Receive();
        while (response.Operation == GuestPacket.Reset && response.DestinationPort != guestPort)
        {
            // Of a connection before this one, whose chain came back earlier than its answer.
            response = guest.Receive();
        }

        Assert.Equal(GuestPacket.Response, response.Operation);
        Assert.Equal(((ulong)GuestPacket.ParentCid, (ulong)VsockGuest.Cid, hostPort, guestPort), (response.SourceCid, response.DestinationCid, response.SourcePort, response.DestinationPort));
        Assert.Equal((GuestPacket.Stream, 0u, 0u), (response.Type, response.Length, response.Flags));
        connection.Take(response);
        return connection;
    }

    /// <summary>Waits for the host's request and grants it.</summary>
    public static GuestConnection Accept(VsockGuest guest, uint guestPort, uint window = BufferSize)
    {
        var request = guest.Expect(GuestPacket.Request);
        Assert.Equal(((ulong)GuestPacket.ParentCid, (ulong)VsockGuest.Cid, guestPort), (request.SourceCid, request.DestinationCid, request.DestinationPort));
        var connection = new GuestConnection(guest, guestPort, request.SourcePort) { Window = window };
        connection.Take(request);
        connection.Send(GuestPacket.Response);
        return connection;
    }

    public void Send(ushort operation, uint flags = 0, byte[]? payload = null, int pieces = 0) => guest.Send(Packet(operation, flags, payload), pieces);

    public GuestPacket Packet(ushort operation, uint flags = 0, byte[]? payload = null)
    {
        _sent += operation == GuestPacket.ReadWrite ? (uint)(payload?.Length ?? 0) : 0;
        return VsockGuest.Packet(operation, guestPort, hostPort, flags, payload) with { BufferSize = Window, Forwarded = _received };
    }

    /// <summary>Sends bytes as the credit allows, in packets of the sizes that <paramref name="size"/> gives.</summary>
    public void Write(ReadOnlyMemory<byte> data, Func<int>? size = null, Func<int>? pieces = null)
    {
        while (!data.IsEmpty)
        {
            while (Credit <= 0)
            {
                Assert.Equal(GuestPacket.CreditUpdate, Next().Operation);
            }

            var count = (int)Math.Min(Math.Min(Credit, data.Length), size?.Invoke() ?? 64 * 1024);
            Send(GuestPacket.ReadWrite, payload: data[..count].ToArray(), pieces: pieces?.Invoke() ?? 0);
            data = data[count..];
            while (guest.TryReceive(out var packet))
            {
                Assert.Equal(GuestPacket.CreditUpdate, packet.Operation);
                Take(packet);
            }
        }
    }

    /// <summary>Reads so many bytes, granting credit as Linux does.</summary>
    public byte[] Read(int count)
    {
        var data = new List<byte>(count);
        while (data.Count < count)
        {
            data.AddRange(ReadSome());
        }

        Assert.Equal(count, data.Count);
        return [.. data];
    }

    /// <summary>Reads up to the packet that is no data and no credit, which is left in <see cref="Last"/>.</summary>
    public byte[] ReadToEnd()
    {
        var data = new List<byte>();
        while (ReadSome() is { Length: > 0 } some)
        {
            data.AddRange(some);
        }

        return [.. data];
    }

    /// <summary>Waits for a packet that is no data, and takes its credit.</summary>
    public GuestPacket Next()
    {
        var packet = guest.Receive();
        Take(packet);
        return packet;
    }

    uint _announced;

    byte[] ReadSome()
    {
        while (true)
        {
            var packet = Next();
            switch (packet.Operation)
            {
                case GuestPacket.ReadWrite:
                    _received += (uint)packet.Payload.Length;
                    if (Window - (_received - _announced) < Window / 4)
                    {
                        AnnounceCredit();
                    }

                    return packet.Payload;
                case GuestPacket.CreditRequest:
                    AnnounceCredit();
                    break;
                case GuestPacket.CreditUpdate:
                    break;
                default:
                    Last = packet;
                    return [];
            }
        }
    }

    public void AnnounceCredit()
    {
        _announced = _received;
        Send(GuestPacket.CreditUpdate);
    }

    void Take(GuestPacket packet)
    {
        Assert.Equal((hostPort, guestPort), (packet.SourcePort, packet.DestinationPort));
        if (packet.Operation == GuestPacket.Reset)
        {
            // A reset grants nothing, and its credit fields mean nothing.
            return;
        }

        _peerBuffer = packet.BufferSize;
        _peerForwarded = packet.Forwarded;
        Assert.True(Credit >= 0, "The device takes credit back that was used.");
    }
}
