using NitroEnclaves.Virtio.Tests;
using NitroEnclaves.Vsock;

namespace NitroEnclaves.Enclaves.Tests;

/// <summary>
/// The device alone with <c>--forward-cid 1 --forward-listen</c>, a pretended virtual machine in front of it, and programs on this
/// machine's own vsock behind it: what <c>AF_VSOCK</c> on a parent is, where a kernel has <c>vsock_loopback</c>.
/// </summary>
static class NativeForwarding
{
    const uint Loopback = 1;
    const uint ServicePort = 7200;
    const uint GuestPort = 7100;

    /// <summary>Connects both ways.</summary>
    /// <exception cref="Xunit.Sdk.XunitException">Something is not as it should be.</exception>
    public static async Task CheckAsync()
    {
        // As vhost-device-vsock, and unlike on Nitro, hosts are 2.
        GuestPacket.ParentCid = 2;
        var configuration = new VsockDeviceConfiguration
        {
            GuestCid = VsockGuest.Cid,
            SocketPath = "/tmp/vhost.sock",
            ForwardCid = Loopback,
            ForwardListen = [GuestPort],
        };
        using var server = VsockDeviceServer.Start([configuration]);
        using var guest = new VsockGuest(configuration.SocketPath).Start();
        await FromGuestAsync(guest);
        await ToGuestAsync(guest);
        guest.Send(VsockGuest.Packet(GuestPacket.Request, 1000, ServicePort));
        guest.Expect(GuestPacket.Reset);
    }

    // The guest dials port 7200 of its host, where a program listens with AF_VSOCK.
    static async Task FromGuestAsync(VsockGuest guest)
    {
        var data = Bytes(1_000_000, seed: 1);
        await using var listener = VsockListener.Listen(ServicePort);
        var accepting = listener.AcceptAsync();
        var connection = GuestConnection.Open(guest, 1000, ServicePort);
        await using var program = await accepting;
        Assert.Equal(Loopback, program.RemoteEndPoint.Cid);
        var reading = ReadToEndAsync(program);
        connection.Write(data);
        connection.Send(GuestPacket.Shutdown, GuestPacket.NoSend);
        Assert.Equal(data, await reading);
        await program.Stream.WriteAsync("answer"u8.ToArray());
        Assert.Equal("answer"u8, connection.Read(6));
        program.Dispose();
        Assert.Empty(connection.ReadToEnd());
        Assert.Equal((GuestPacket.Shutdown, GuestPacket.Both), (connection.Last!.Operation, connection.Last.Flags));
        connection.Send(GuestPacket.Reset);
    }

    // A program dials port 7100 of this machine, and it is the guest's port 7100 that answers.
    static async Task ToGuestAsync(VsockGuest guest)
    {
        var data = Bytes(1_000_000, seed: 2);
        var connecting = new VsockConnector().ConnectAsync(Loopback, GuestPort);
        var connection = GuestConnection.Accept(guest, GuestPort);
        await using var program = await connecting;
        var writing = program.Stream.WriteAsync(data).AsTask().ContinueWith(_ => program.CompleteWrites(), TaskScheduler.Default);
        Assert.Equal(data, connection.Read(data.Length));
        await writing;
        Assert.Empty(connection.ReadToEnd());
        Assert.Equal((GuestPacket.Shutdown, GuestPacket.NoSend), (connection.Last!.Operation, connection.Last.Flags));
        connection.Write("late"u8.ToArray());
        connection.Send(GuestPacket.Shutdown, GuestPacket.Both);
        var late = await ReadToEndAsync(program);
        Assert.Equal("late"u8, late);
        Assert.Equal(GuestPacket.Reset, connection.Next().Operation);
    }

    static byte[] Bytes(int count, int seed)
    {
        var bytes = new byte[count];
        new Random(seed).NextBytes(bytes);
        return bytes;
    }

    static async Task<byte[]> ReadToEndAsync(VsockConnection connection)
    {
        using var data = new MemoryStream();
        await connection.Stream.CopyToAsync(data);
        return data.ToArray();
    }
}
