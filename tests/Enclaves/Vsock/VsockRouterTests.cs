using System.Net.Sockets;
using NitroEnclaves.Virtio.Tests;
using NitroEnclaves.Vsock;

namespace NitroEnclaves.Enclaves.Tests;

public sealed class VsockRouterTests
{
    static readonly CancellationToken Ended = TestContext.Current.CancellationToken;

    [Fact]
    public async Task A_listener_in_this_process_accepts_the_guest()
    {
        using var rig = new RouterRig();
        using var listener = rig.Router.Listen(9000);
        var guest = GuestConnection.Open(rig.Guest, 1234, 9000);
        await using var connection = await listener.AcceptAsync(Ended);
        Assert.Equal(new VsockEndPoint(VsockGuest.Cid, 1234), connection.RemoteEndPoint);
        Assert.Equal(new VsockEndPoint(3, 9000), connection.LocalEndPoint);

        guest.Send(GuestPacket.ReadWrite, payload: [0xB7]);
        Assert.Equal(0xB7, connection.Stream.ReadByte());
        await connection.Stream.WriteAsync(new byte[] { 0xB7 }, Ended);
        Assert.Equal([0xB7], guest.Read(1));
        guest.Send(GuestPacket.Shutdown, GuestPacket.Both);
        Assert.Equal(-1, connection.Stream.ReadByte());
    }

    [Fact]
    public async Task A_listener_takes_precedence_over_a_program_and_gives_the_port_back()
    {
        using var rig = new RouterRig();
        using var program = rig.Listen(5000);
        using (var listener = rig.Router.Listen(5000))
        {
            Assert.Equal(VsockError.AddressInUse, Assert.Throws<VsockException>(() => rig.Router.Listen(5000)).Error);
            var guest = GuestConnection.Open(rig.Guest, 1, 5000);
            (await listener.AcceptAsync(Ended)).Dispose();
            Assert.Equal(GuestPacket.Shutdown, guest.Next().Operation);
            guest.Send(GuestPacket.Reset);
        }

        GuestConnection.Open(rig.Guest, 2, 5000);
        rig.Accept(program);
        rig.Router.Listen(5000).Dispose();
    }

    [Fact]
    public async Task A_full_backlog_refuses_and_disposal_closes_what_waits()
    {
        using var rig = new RouterRig();
        var listener = rig.Router.Listen(5000, backlog: 1);
        var guest = GuestConnection.Open(rig.Guest, 1, 5000);
        rig.Guest.Send(VsockGuest.Packet(GuestPacket.Request, 2, 5000));
        rig.Guest.Expect(GuestPacket.Reset);

        listener.Dispose();
        Assert.Equal(GuestPacket.Shutdown, guest.Next().Operation);
        await Assert.ThrowsAsync<ObjectDisposedException>(async () => await listener.AcceptAsync(Ended));
    }

    [Fact]
    public async Task This_process_connects_to_the_guest()
    {
        using var rig = new RouterRig();
        _ = rig.Guest;
        var connecting = rig.Router.ConnectAsync(8080, Ended);
        var guest = GuestConnection.Accept(rig.Guest, 8080);
        await using var connection = await connecting;
        Assert.Equal(new VsockEndPoint(VsockGuest.Cid, 8080), connection.RemoteEndPoint);
        Assert.Equal(new VsockEndPoint(3, guest.HostPort), connection.LocalEndPoint);
        await connection.Stream.WriteAsync("hello"u8.ToArray(), Ended);
        Assert.Equal("hello"u8, guest.Read(5));
    }

    [Fact]
    public async Task A_guest_that_refuses_or_stays_silent_is_told_apart()
    {
        using var rig = new RouterRig();
        _ = rig.Guest;
        var refused = rig.Router.ConnectAsync(8080, Ended);
        var request = rig.Guest.Expect(GuestPacket.Request);
        rig.Guest.Send(VsockGuest.Packet(GuestPacket.Reset, 8080, request.SourcePort));
        Assert.Equal(VsockError.ConnectionRefused, (await Assert.ThrowsAsync<VsockException>(async () => await refused)).Error);

        var silent = rig.Router.ConnectAsync(8081, Ended);
        Assert.Equal(VsockError.TimedOut, (await Assert.ThrowsAsync<VsockException>(async () => await silent)).Error);
    }

    [Fact]
    public async Task A_cancelled_connect_is_taken_back()
    {
        using var rig = new RouterRig();
        _ = rig.Guest;
        using var source = new CancellationTokenSource();
        var connecting = rig.Router.ConnectAsync(8080, source.Token);
        rig.Guest.Expect(GuestPacket.Request);
        await source.CancelAsync();

        await Assert.ThrowsAnyAsync<OperationCanceledException>(async () => await connecting);
        rig.Guest.Expect(GuestPacket.Reset);
        rig.AwaitNoConnections();
    }

    [Fact]
    public async Task A_program_reaches_the_guest_by_its_address()
    {
        using var rig = new RouterRig();
        _ = rig.Guest;
        var connector = new VsockConnector(new VsockOptions { Resolvers = [VsockResolver.Fixed(VsockGuest.Cid, VsockRoute.UnixSocket(rig.UnixPath))] });
        var connecting = connector.ConnectAsync(VsockGuest.Cid, 8080, Ended);
        var guest = GuestConnection.Accept(rig.Guest, 8080);
        await using var connection = await connecting;
        Assert.Equal(guest.HostPort, connection.LocalEndPoint.Port);
        await connection.Stream.WriteAsync("hello"u8.ToArray(), Ended);
        Assert.Equal("hello"u8, guest.Read(5));

        var refused = connector.ConnectAsync(VsockGuest.Cid, 8081, Ended);
        var request = rig.Guest.Expect(GuestPacket.Request);
        rig.Guest.Send(VsockGuest.Packet(GuestPacket.Reset, 8081, request.SourcePort));
        Assert.Equal(VsockError.ConnectionRefused, (await Assert.ThrowsAsync<VsockException>(async () => await refused)).Error);
    }

    [Fact]
    public async Task A_program_that_listens_learns_which_guest_calls()
    {
        using var rig = new RouterRig();
        var route = VsockRoute.UnixSocket(rig.UnixPath);
        await using var listener = VsockListener.Listen(7000, new VsockOptions { Resolvers = [VsockResolver.Fixed(VsockAddress.Any, route)] });
        GuestConnection.Open(rig.Guest, 1234, 7000);
        await using var first = await listener.AcceptAsync(Ended);
        GuestConnection.Open(rig.Guest, 1235, 7000);
        await using var second = await listener.AcceptAsync(Ended);
        Assert.Equal(new VsockEndPoint(VsockGuest.Cid, 1234), first.RemoteEndPoint);
        Assert.Equal(new VsockEndPoint(VsockGuest.Cid, 1235), second.RemoteEndPoint);
    }

    [Fact]
    public void A_program_that_serves_all_guests_listens_at_the_shared_path()
    {
        using var shared = new TemporarySocket();
        using var rig = new RouterRig(options => options with { SharedUnixPath = shared.Path });
        using var program = new Socket(AddressFamily.Unix, SocketType.Stream, ProtocolType.Unspecified);
        program.Bind(new UnixDomainSocketEndPoint(shared.Path + "_7000"));
        program.Listen();
        GuestConnection.Open(rig.Guest, 1, 7000);
        program.Accept().Dispose();
    }

    [Fact]
    public void Too_many_silent_programs_displace_the_oldest()
    {
        using var rig = new RouterRig(options => options with { MaxHandshakes = 2 });
        _ = rig.Guest;
        var first = rig.Dial("");
        var second = rig.Dial("CONNECT 80");
        rig.Dial("");
        Assert.True(VsockRig.IsEnded(first));
        second.Send("80\n"u8);
        GuestConnection.Accept(rig.Guest, 8080);
    }

    [Fact]
    public void A_silent_program_is_given_up_after_the_time_out()
    {
        using var rig = new RouterRig(options => options with { HandshakeTimeout = TimeSpan.FromMilliseconds(50) });
        Assert.True(VsockRig.IsEnded(rig.Dial("CONNECT 80")));
        Assert.True(VsockRig.IsEnded(rig.Dial("")));
    }

    [Fact]
    public void The_socket_is_for_this_user_only_and_goes_with_the_router()
    {
        using var rig = new RouterRig();
        Assert.Equal(UnixFileMode.UserRead | UnixFileMode.UserWrite, File.GetUnixFileMode(rig.UnixPath));
        rig.Router.Dispose();
        Assert.False(File.Exists(rig.UnixPath));
    }

    [Theory]
    [InlineData("")]
    [InlineData("/tmp/0123456789012345678901234567890123456789012345678901234567890123456789012345678901234567890123456789")]
    public void A_path_that_cannot_work_is_refused(string path) =>
        Assert.ThrowsAny<ArgumentException>(() => new VsockRouter(new Virtio.EventLoop(), new VsockRouterOptions { GuestCid = 16, UnixPath = path }));
}
