using System.Net;
using System.Net.Sockets;

namespace NitroEnclaves.Virtio.Tests;

public sealed class VsockConnectTests
{
    [Fact]
    public void The_configuration_space_holds_the_cid()
    {
        using var fixture = new VsockFixture();
        Assert.Equal([16, 0, 0, 0, 0, 0, 0, 0], fixture.Guest.FrontEnd.Configuration);
    }

    [Theory]
    [InlineData(2u)]
    [InlineData(3u)]
    public void A_request_is_granted_with_the_credit_of_the_options(uint cid)
    {
        using var fixture = new VsockFixture().Start();
        fixture.Guest.Send(VsockGuest.Packet(GuestPacket.Request, 1234, 5000) with { DestinationCid = cid });

        var response = fixture.Guest.Expect(GuestPacket.Response);
        Assert.Equal(
            ((ulong)cid, 16UL, 5000u, 1234u, 256u * 1024, 0u, GuestPacket.Stream),
            (response.SourceCid, response.DestinationCid, response.SourcePort, response.DestinationPort, response.BufferSize, response.Forwarded, response.Type));
        Assert.Equal(new VsockConnectRequest(16, 1234, cid, 5000), fixture.Host.LastRequest);
        fixture.Host.Accept().Dispose();
    }

    [Theory]
    [InlineData(3u, 5001u)]
    [InlineData(0u, 5000u)]
    [InlineData(1u, 5000u)]
    [InlineData(16u, 5000u)]
    [InlineData(99u, 5000u)]
    [InlineData(uint.MaxValue, 5000u)]
    public void A_request_for_nobody_is_reset(uint cid, uint port)
    {
        using var fixture = new VsockFixture().Start();
        fixture.Guest.Send(VsockGuest.Packet(GuestPacket.Request, 1234, port) with { DestinationCid = cid });

        var reset = fixture.Guest.Expect(GuestPacket.Reset);
        Assert.Equal((cid, 16UL, port, 1234u), (reset.SourceCid, reset.DestinationCid, reset.SourcePort, reset.DestinationPort));
        Assert.Equal(0, fixture.Ask(device => device.ConnectionCount));
    }

    [Fact]
    public void A_pending_connect_is_granted_once_it_stands()
    {
        using var listener = new Socket(AddressFamily.InterNetwork, SocketType.Stream, ProtocolType.Tcp);
        listener.Bind(new IPEndPoint(IPAddress.Loopback, 0));
        listener.Listen();
        using var fixture = new VsockFixture();
        fixture.Host.Script = _ => Dial((IPEndPoint)listener.LocalEndPoint!);
        fixture.Start();

        var connection = GuestConnection.Open(fixture.Guest, 1, 80);
        using var host = listener.Accept();
        connection.Send(GuestPacket.ReadWrite, payload: [1, 2, 3]);
        var buffer = new byte[8];
        Assert.Equal(3, host.Receive(buffer));
        host.Send([4, 5]);
        Assert.Equal([4, 5], connection.Read(2));
    }

    [Fact]
    public void A_pending_connect_that_fails_is_reset()
    {
        using var closed = new Socket(AddressFamily.InterNetwork, SocketType.Stream, ProtocolType.Tcp);
        closed.Bind(new IPEndPoint(IPAddress.Loopback, 0));
        using var fixture = new VsockFixture();
        fixture.Host.Script = _ => Dial((IPEndPoint)closed.LocalEndPoint!);
        fixture.Start();

        fixture.Guest.Send(VsockGuest.Packet(GuestPacket.Request, 1, 80));
        fixture.Guest.Expect(GuestPacket.Reset);
        fixture.AwaitNoConnections();
    }

    [Fact]
    public void The_limit_of_connections_refuses_and_frees()
    {
        using var fixture = new VsockFixture(new VsockDeviceOptions { MaxConnections = 2 }).Start();
        var first = GuestConnection.Open(fixture.Guest, 1, 5000);
        GuestConnection.Open(fixture.Guest, 2, 5000);
        fixture.Guest.Send(VsockGuest.Packet(GuestPacket.Request, 3, 5000));
        Assert.Equal(3u, fixture.Guest.Expect(GuestPacket.Reset).DestinationPort);

        first.Send(GuestPacket.Reset);
        GuestConnection.Open(fixture.Guest, 3, 5000);
        Assert.Equal(1, fixture.Ask(device => device.Statistics.GuestRefusals));
    }

    [Fact]
    public void The_host_connects_from_cid_3_and_ports_of_its_own()
    {
        using var fixture = new VsockFixture().Start();
        var outcome = new Outcome();
        var (device, host) = ScriptedBackend.Pair();
        fixture.Loop.Post(() => fixture.Device.Connect(device, 8080, outcome));

        var connection = GuestConnection.Accept(fixture.Guest, 8080);
        Assert.Equal(connection.HostPort, outcome.Wait());
        Assert.True(connection.HostPort >= 1u << 30);
        host.Send([1]);
        Assert.Equal([1], connection.Read(1));
        host.Dispose();
    }

    [Fact]
    public void The_hosts_bytes_wait_until_the_guest_has_accepted()
    {
        using var fixture = new VsockFixture().Start();
        var outcome = new Outcome();
        var (device, host) = ScriptedBackend.Pair();
        host.Send("early"u8);
        host.Shutdown(SocketShutdown.Send);
        fixture.Loop.Post(() => fixture.Device.Connect(device, 8080, outcome));

        var request = fixture.Guest.Expect(GuestPacket.Request);
        Assert.True(fixture.Guest.IsSilent());
        fixture.Guest.Send(VsockGuest.Packet(GuestPacket.Response, 8080, request.SourcePort));
        Assert.Equal("early"u8, fixture.Guest.Expect(GuestPacket.ReadWrite).Payload);
        Assert.Equal(GuestPacket.NoSend, fixture.Guest.Expect(GuestPacket.Shutdown).Flags);
        host.Dispose();
    }

    [Fact]
    public void A_guest_that_refuses_is_told_to_the_host()
    {
        using var fixture = new VsockFixture().Start();
        var outcome = new Outcome();
        var (device, host) = ScriptedBackend.Pair();
        fixture.Loop.Post(() => fixture.Device.Connect(device, 8080, outcome));

        var request = fixture.Guest.Expect(GuestPacket.Request);
        fixture.Guest.Send(VsockGuest.Packet(GuestPacket.Reset, 8080, request.SourcePort));
        Assert.Equal(VsockConnectFailure.Refused, outcome.WaitForFailure());
        Assert.Equal(0, host.Receive(new byte[1]));
        fixture.AwaitNoConnections();
    }

    [Fact]
    public void A_guest_that_never_answers_is_given_up()
    {
        var options = new VsockDeviceOptions { ConnectTimeout = TimeSpan.FromMilliseconds(50) };
        using var fixture = new VsockFixture(options).Start();
        var outcome = new Outcome();
        var (device, host) = ScriptedBackend.Pair();
        fixture.Loop.Post(() => fixture.Device.Connect(device, 8080, outcome));

        fixture.Guest.Expect(GuestPacket.Request);
        Assert.Equal(VsockConnectFailure.TimedOut, outcome.WaitForFailure());
        fixture.Guest.Expect(GuestPacket.Reset);
        Assert.Equal(0, host.Receive(new byte[1]));
        fixture.AwaitNoConnections();
    }

    [Fact]
    public void A_connection_made_before_the_driver_runs_is_asked_for_when_it_does()
    {
        using var fixture = new VsockFixture();
        var outcome = new Outcome();
        var (device, host) = ScriptedBackend.Pair();
        fixture.Loop.Post(() => fixture.Device.Connect(device, 8080, outcome));
        fixture.Start();

        GuestConnection.Accept(fixture.Guest, 8080);
        outcome.Wait();
        host.Dispose();
    }

    [Fact]
    public void A_client_that_leaves_before_the_driver_runs_leaves_no_trace()
    {
        using var fixture = new VsockFixture();
        var outcome = new Outcome();
        var (device, host) = ScriptedBackend.Pair();
        fixture.Loop.Post(() => fixture.Device.Connect(device, 8080, outcome));
        host.Dispose();
        Assert.Equal(VsockConnectFailure.Abandoned, outcome.WaitForFailure());
        fixture.Start();

        Assert.True(fixture.Guest.IsSilent());
        Assert.Equal(0, fixture.Ask(device => device.ConnectionCount));
    }

    [Fact]
    public void A_client_that_leaves_while_the_guest_is_asked_is_taken_back()
    {
        using var fixture = new VsockFixture().Start();
        var outcome = new Outcome();
        var (device, host) = ScriptedBackend.Pair();
        fixture.Loop.Post(() => fixture.Device.Connect(device, 8080, outcome));
        var request = fixture.Guest.Expect(GuestPacket.Request);
        host.Dispose();

        Assert.Equal(VsockConnectFailure.Abandoned, outcome.WaitForFailure());
        Assert.Equal(request.SourcePort, fixture.Guest.Expect(GuestPacket.Reset).SourcePort);
        fixture.AwaitNoConnections();
    }

    static VsockConnectResult Dial(IPEndPoint endPoint)
    {
        var socket = new Socket(AddressFamily.InterNetwork, SocketType.Stream, ProtocolType.Tcp) { Blocking = false };
        try
        {
            socket.Connect(endPoint);
        }
        catch (SocketException exception) when (exception.SocketErrorCode is SocketError.WouldBlock or SocketError.InProgress)
        {
        }

        // The descriptor is the device's now: this socket object only made it.
        var descriptor = new SafeDescriptor((int)socket.Handle);
        socket.SafeHandle.SetHandleAsInvalid();
        return VsockConnectResult.Pending(descriptor);
    }

    sealed class Outcome : IVsockConnectCompletion
    {
        readonly TaskCompletionSource<object> _outcome = new(TaskCreationOptions.RunContinuationsAsynchronously);

        public void Connected(SafeDescriptor socket, uint hostPort) => _outcome.SetResult(hostPort);

        public void Failed(VsockConnectFailure failure) => _outcome.SetResult(failure);

        public uint Wait() => Assert.IsType<uint>(Result());

        public VsockConnectFailure WaitForFailure() => Assert.IsType<VsockConnectFailure>(Result());

        object Result() => _outcome.Task.WaitAsync(VsockGuest.Patience).GetAwaiter().GetResult();
    }
}
