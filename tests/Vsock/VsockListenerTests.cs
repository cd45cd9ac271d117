using System.Net.Sockets;
using System.Text;

namespace NitroEnclaves.Vsock.Tests;

public sealed class VsockListenerTests : IDisposable
{
    static readonly CancellationToken Ended = TestContext.Current.CancellationToken;
    readonly EmulatedEnclave _enclave = new();

    public void Dispose() => _enclave.Dispose();

    [Fact]
    public async Task Accepts_and_echoes()
    {
        await using var listener = VsockListener.Listen(8000, _enclave.Options);
        using var guest = await _enclave.DialListenerAsync(8000);
        await using var connection = await listener.AcceptAsync(Ended);

        await guest.SendAsync("ping"u8.ToArray());
        var buffer = new byte[16];
        var read = await connection.Stream.ReadAsync(buffer, Ended);
        await connection.Stream.WriteAsync(buffer.AsMemory(0, read), Ended);
        connection.CompleteWrites();

        Assert.Equal(4, await guest.ReceiveAsync(buffer));
        Assert.Equal(0, await guest.ReceiveAsync(buffer));
        Assert.Equal(new VsockEndPoint(VsockAddress.Any, 8000), connection.LocalEndPoint);
    }

    [Fact]
    public async Task Knows_the_guest_by_the_name_of_its_socket()
    {
        await using var listener = VsockListener.Listen(8000, _enclave.Options);
        var name = new byte[96];
        var written = VsockPeerName.Write(16, 49152, (uint)Environment.ProcessId, name);
        using var named = await _enclave.DialListenerAsync(8000, name[..written]);
        await using var fromNamed = await listener.AcceptAsync(Ended);
        using var unnamed = await _enclave.DialListenerAsync(8000);
        await using var fromUnnamed = await listener.AcceptAsync(Ended);

        Assert.Equal(new VsockEndPoint(16, 49152), fromNamed.RemoteEndPoint);
        Assert.Equal(VsockPeerName.Unknown, fromUnnamed.RemoteEndPoint);
    }

    /// <summary>Many clients that say nothing, served as the listener's documentation says: in tasks of their own.</summary>
    [Fact]
    public async Task Clients_that_say_nothing_delay_nobody_and_are_given_up()
    {
        await using var listener = VsockListener.Listen(8000, _enclave.Options with { ReadTimeout = TimeSpan.FromSeconds(2) });
        var silent = new List<Socket>();
        var served = new List<Task<VsockError?>>();
        for (var i = 0; i < 100; i++)
        {
            silent.Add(await _enclave.DialListenerAsync(8000));
            served.Add(ServeAsync(await listener.AcceptAsync(Ended)));
        }

        using var guest = await _enclave.DialListenerAsync(8000);
        served.Add(ServeAsync(await listener.AcceptAsync(Ended)));
        await guest.SendAsync("ping"u8.ToArray());
        Assert.Equal(4, await guest.ReceiveAsync(new byte[16]));
        guest.Shutdown(SocketShutdown.Send);
        Assert.Null(await served[^1]);
        Assert.All(await Task.WhenAll(served[..^1]), error => Assert.Equal(VsockError.TimedOut, error));
        silent.ForEach(socket => socket.Dispose());
    }

    [Fact]
    public void Every_time_out_is_finite_unless_a_program_says_otherwise()
    {
        TimeSpan[] timeouts = [VsockOptions.Default.ConnectTimeout, VsockOptions.Default.ReadTimeout, VsockOptions.Default.WriteTimeout];
        Assert.All(timeouts, timeout => Assert.InRange(timeout, TimeSpan.FromSeconds(1), TimeSpan.FromMinutes(5)));
        Assert.InRange(VsockOptions.Default.MaxConnections, 1, 100_000);
    }

    /// <summary>The class library's own sockets cannot accept a peer whose name is longer than the listener's.</summary>
    [Fact]
    public async Task Accepts_peers_with_names_longer_than_its_own()
    {
        await using var listener = VsockListener.Listen(8000, _enclave.Options);
        using var named = await _enclave.DialListenerAsync(8000, [.. Enumerable.Repeat((byte)'n', 100)]);
        await using var connection = await listener.AcceptAsync(Ended);
        Assert.Equal(VsockPeerName.Unknown, connection.RemoteEndPoint);
    }

    [Theory]
    [InlineData("vsock/16:1")]
    [InlineData("vsock/16/x")]
    [InlineData("vsock//")]
    [InlineData("other/16:1/x")]
    [InlineData("")]
    public void Takes_no_other_name_for_a_guest(string name) => Assert.Equal(VsockPeerName.Unknown, VsockPeerName.Parse(name));

    [Fact]
    public async Task Listens_on_every_route_that_exists()
    {
        using var other = new EmulatedEnclave();
        await using var listener = VsockListener.Listen(8000, new VsockOptions
        {
            Resolvers = [VsockResolver.Fixed(16, VsockRoute.UnixSocket("/nowhere/at/all")), .. _enclave.Options.Resolvers, .. other.Options.Resolvers],
        });

        for (var round = 0; round < 3; round++)
        {
            using var first = await _enclave.DialListenerAsync(8000);
            using var second = await other.DialListenerAsync(8000);
            await using var one = await listener.AcceptAsync(Ended);
            await using var two = await listener.AcceptAsync(Ended);
            await first.SendAsync(new byte[] { 1 });
            await second.SendAsync(new byte[] { 2 });
            Assert.Equal(3, one.Stream.ReadByte() + two.Stream.ReadByte());
        }
    }

    [Fact]
    public async Task A_cancelled_accept_loses_no_connection()
    {
        await using var listener = VsockListener.Listen(8000, _enclave.Options);
        using var source = new CancellationTokenSource();
        var accepting = listener.AcceptAsync(source.Token);
        await source.CancelAsync();
        await Assert.ThrowsAnyAsync<OperationCanceledException>(async () => await accepting);

        using var guest = await _enclave.DialListenerAsync(8000);
        await guest.SendAsync(new byte[] { 9 });
        await using var connection = await listener.AcceptAsync(Ended);
        Assert.Equal(9, connection.Stream.ReadByte());
    }

    [Fact]
    public async Task Bounds_the_open_connections()
    {
        await using var listener = VsockListener.Listen(8000, _enclave.Options with { MaxConnections = 1 });
        using var first = await _enclave.DialListenerAsync(8000);
        using var second = await _enclave.DialListenerAsync(8000);
        var one = await listener.AcceptAsync(Ended);
        var next = listener.AcceptAsync(Ended).AsTask();
        await Task.Delay(30, Ended);
        Assert.False(next.IsCompleted);

        one.Dispose();
        one.Dispose();
        await using var two = await next;
        var third = listener.AcceptAsync(Ended).AsTask();
        await Task.Delay(30, Ended);
        Assert.False(third.IsCompleted);
        await listener.DisposeAsync();
        await Assert.ThrowsAsync<ObjectDisposedException>(() => third);
    }

    [Fact]
    public async Task Disposal_ends_a_waiting_accept_and_removes_the_socket_file()
    {
        var listener = VsockListener.Listen(8000, _enclave.Options);
        var accepting = listener.AcceptAsync(Ended);
        Assert.True(File.Exists(_enclave.Path + "_8000"));
        await listener.DisposeAsync();

        await Assert.ThrowsAsync<ObjectDisposedException>(async () => await accepting);
        await Assert.ThrowsAsync<ObjectDisposedException>(async () => await listener.AcceptAsync(Ended));
        Assert.False(File.Exists(_enclave.Path + "_8000"));
    }

    [Fact]
    public async Task A_port_in_use_is_refused_and_a_file_left_behind_is_not()
    {
        var first = VsockListener.Listen(8000, _enclave.Options);
        Assert.Equal(VsockError.AddressInUse, Assert.Throws<VsockException>(() => VsockListener.Listen(8000, _enclave.Options)).Error);
        await first.DisposeAsync();

        using (var abandoned = new Socket(AddressFamily.Unix, SocketType.Stream, ProtocolType.Unspecified))
        {
            // Bound under another name and renamed: the class library removes the file by the name it was bound with.
            abandoned.Bind(new UnixDomainSocketEndPoint(_enclave.Path + "_old"));
            File.Move(_enclave.Path + "_old", _enclave.Path + "_8001");
        }

        Assert.True(File.Exists(_enclave.Path + "_8001"));
        await using var second = VsockListener.Listen(8001, _enclave.Options);
        Assert.Equal(8001u, second.LocalEndPoint.Port);
    }

    [Fact]
    public void Says_when_nothing_can_reach_it() =>
        Assert.Equal(VsockError.Unreachable, Assert.Throws<VsockException>(() => VsockListener.Listen(1, new VsockOptions
        {
            Resolvers = [new Deaf()],
        })).Error);

    sealed class Deaf : IVsockResolver
    {
        public VsockRoute? Resolve(uint cid) => null;

        public VsockRoute? ResolveListener() => null;
    }

    // Echoes until the peer's end; tells why it stopped before.
    static async Task<VsockError?> ServeAsync(VsockConnection connection)
    {
        await using (connection)
        {
            try
            {
                await connection.Stream.CopyToAsync(connection.Stream, Ended);
                return null;
            }
            catch (VsockException exception)
            {
                return exception.Error;
            }
        }
    }
}
