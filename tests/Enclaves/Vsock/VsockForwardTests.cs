using System.Net;
using System.Net.Sockets;
using NitroEnclaves.Virtio.Tests;

namespace NitroEnclaves.Enclaves.Tests;

/// <summary>Bridges between TCP and the guest.</summary>
public sealed class VsockForwardTests
{
    [Theory]
    [InlineData("tcp:8080=vsock:5000", true, "127.0.0.1:8080", 5000u)]
    [InlineData("tcp:0.0.0.0:80=vsock:1", true, "0.0.0.0:80", 1u)]
    [InlineData("tcp:[::1]:80=vsock:4294967294", true, "[::1]:80", 4294967294u)]
    [InlineData("vsock:9000=tcp:localhost:443", false, "127.0.0.1:443", 9000u)]
    [InlineData("TCP:0=VSOCK:0", true, "127.0.0.1:0", 0u)]
    public void Forwards_are_read(string text, bool toGuest, string tcp, uint port)
    {
        var forward = VsockForward.Parse(text);
        Assert.Equal((toGuest, IPEndPoint.Parse(tcp), port), (forward.ToGuest, forward.Tcp, forward.VsockPort));
        Assert.Equal(forward, VsockForward.Parse(forward.ToString()));
    }

    [Theory]
    [InlineData("")]
    [InlineData("tcp:8080")]
    [InlineData("tcp:8080=vsock:")]
    [InlineData("tcp:8080=tcp:8081")]
    [InlineData("vsock:1=vsock:2")]
    [InlineData("tcp:65536=vsock:1")]
    [InlineData("tcp:1.2.3.4=vsock:1")]
    [InlineData("tcp:[::1]=vsock:1")]
    [InlineData("vsock:1=tcp:0")]
    [InlineData("tcp:80=vsock:4294967295")]
    [InlineData("tcp:80=vsock:1=vsock:2")]
    [InlineData("tcp:-1=vsock:+1")]
    public void What_is_no_forward_is_refused(string text)
    {
        Assert.False(VsockForward.TryParse(text, out _));
        Assert.Throws<FormatException>(() => VsockForward.Parse(text));
    }

    [Fact]
    public void A_tcp_port_leads_into_the_guest()
    {
        var free = FreePort();
        using var rig = new RouterRig(options => options with { Forwards = [VsockForward.Parse($"tcp:{free}=vsock:5000")] });
        _ = rig.Guest;
        using var client = new TcpClient(AddressFamily.InterNetwork);
        client.Connect(IPAddress.Loopback, free);
        var guest = GuestConnection.Accept(rig.Guest, 5000);
        client.Client.Send("in"u8);
        Assert.Equal("in"u8, guest.Read(2));
        guest.Send(GuestPacket.ReadWrite, payload: "out"u8.ToArray());
        Assert.Equal("out", VsockRig.ReadText(client.Client, 3));

        client.Client.Shutdown(SocketShutdown.Send);
        Assert.Equal((GuestPacket.Shutdown, GuestPacket.NoSend), (guest.Next().Operation, GuestPacket.NoSend));
        guest.Send(GuestPacket.ReadWrite, payload: "after"u8.ToArray());
        Assert.Equal("after", VsockRig.ReadText(client.Client, 5));
        guest.Send(GuestPacket.Shutdown, GuestPacket.Both);
        Assert.True(VsockRig.IsEnded(client.Client));
    }

    [Fact]
    public void A_refusing_guest_closes_the_tcp_connection()
    {
        var free = FreePort();
        using var rig = new RouterRig(options => options with { Forwards = [VsockForward.Parse($"tcp:{free}=vsock:5000")] });
        _ = rig.Guest;
        using var client = new TcpClient(AddressFamily.InterNetwork);
        client.Connect(IPAddress.Loopback, free);
        var request = rig.Guest.Expect(GuestPacket.Request);
        rig.Guest.Send(VsockGuest.Packet(GuestPacket.Reset, 5000, request.SourcePort));
        Assert.True(VsockRig.IsEnded(client.Client));
    }

    [Fact]
    public void A_port_of_the_parent_leads_to_tcp()
    {
        using var listener = new TcpListener(IPAddress.Loopback, 0);
        listener.Start();
        var forward = new VsockForward(ToGuest: false, (IPEndPoint)listener.LocalEndpoint, 7000);
        using var rig = new RouterRig(options => options with { Forwards = [forward] });
        var guest = GuestConnection.Open(rig.Guest, 1000, 7000);
        using var server = listener.AcceptSocket();
        server.ReceiveTimeout = 60_000;
        guest.Send(GuestPacket.ReadWrite, payload: "hello"u8.ToArray());
        Assert.Equal("hello", VsockRig.ReadText(server, 5));
        server.Dispose();
        Assert.Equal(GuestPacket.Shutdown, guest.Next().Operation);
    }

    [Fact]
    public void A_tcp_port_at_which_nobody_listens_resets_the_guest()
    {
        var forward = new VsockForward(ToGuest: false, new IPEndPoint(IPAddress.Loopback, FreePort()), 7000);
        using var rig = new RouterRig(options => options with { Forwards = [forward] });
        rig.Guest.Send(VsockGuest.Packet(GuestPacket.Request, 1000, 7000));
        rig.Guest.Expect(GuestPacket.Reset);
    }

    [Fact]
    public void A_taken_port_is_told_by_name()
    {
        using var taken = new TcpListener(IPAddress.Loopback, 0);
        taken.Start();
        var forward = new VsockForward(ToGuest: true, (IPEndPoint)taken.LocalEndpoint, 7000);
        var failure = Assert.Throws<IOException>(() => new RouterRig(options => options with { Forwards = [forward] }));
        Assert.Contains($"tcp:{taken.LocalEndpoint}", failure.Message, StringComparison.Ordinal);
    }

    static int FreePort()
    {
        using var probe = new TcpListener(IPAddress.Loopback, 0);
        probe.Start();
        return ((IPEndPoint)probe.LocalEndpoint).Port;
    }
}
