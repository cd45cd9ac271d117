using System.Globalization;
using NitroEnclaves.Vsock;

namespace NitroEnclaves.Enclaves.Tests;

/// <summary>Linux's own vsock driver and sockets against our device and router.</summary>
public sealed class LinuxGuestTests
{
    // VSOCK_LONG=1 runs what docs/testing.md records: 1 GiB in each direction, 5,000 connections. Otherwise as much as CI has time for.
    static readonly bool s_long = Environment.GetEnvironmentVariable("VSOCK_LONG") == "1";
    static readonly long s_large = s_long ? 1L << 30 : 64L << 20;
    static readonly int s_connections = s_long ? 5000 : 2000;
    static readonly CancellationToken Ended = TestContext.Current.CancellationToken;

    [Theory]
    [InlineData("microvm")]
    [InlineData("q35")]
    public async Task Streams_both_ways_arrive_whole(string machine)
    {
        await using var guest = await LinuxGuest.BootAsync(machine);
        using var listener = guest.Router.Listen(7001);
        foreach (var size in new[] { 8, 4096, 65536, 1 << 20 })
        {
            var bytes = size == 8 ? 64 * 1024 : s_large;
            var command = guest.DoOkAsync($"send 7001 {bytes} {size}");
            await using var connection = await listener.AcceptAsync(Ended);
            Assert.Equal(bytes, await WordStream.ReadAsync(connection.Stream));

            // The guest has ended its direction only: an answer still reaches it.
            await connection.Stream.WriteAsync(new byte[1000], Ended);
            connection.CompleteWrites();
            Assert.Equal(1000, await command);
        }

        var receiving = guest.DoOkAsync("receive 7001");
        await using (var connection = await listener.AcceptAsync(Ended))
        {
            await WordStream.WriteAsync(connection.Stream, s_large);
        }

        Assert.Equal(s_large, await receiving);
    }

    [Fact]
    public async Task The_device_alone_serves_a_guest_of_any_QEMU()
    {
        const int bytes = 8 << 20;
        await using var guest = await LinuxGuest.BootAsync("q35", isAlone: true);
        await RefusesAtOnceAsync(guest);
        using var listener = VsockListener.Listen(7001, guest.UnixOptions);
        var sending = guest.DoOkAsync($"send 7001 {bytes} 65536");
        await using (var connection = await listener.AcceptAsync(Ended))
        {
            Assert.Equal(bytes, await WordStream.ReadAsync(connection.Stream));
            connection.CompleteWrites();
        }

        Assert.Equal(0, await sending);
        await guest.DoOkAsync("serve 8080");
        await using var client = await new VsockConnector(guest.UnixOptions).ConnectAsync(LinuxGuest.Cid, 8080, Ended);
        var writing = WordStream.WriteAsync(client.Stream, bytes).ContinueWith(_ => client.CompleteWrites(), TaskScheduler.Default);
        Assert.Equal(bytes, await WordStream.ReadAsync(client.Stream));
        await writing;
    }

    [Fact]
    public async Task Connections_are_refused_granted_held_and_closed()
    {
        await using var guest = await LinuxGuest.BootAsync();
        await RefusesAtOnceAsync(guest);
        await ServesShortConnectionsAsync(guest);
        await HoldsManyConnectionsAsync(guest);
        await KeepsWhatAProgramWroteBeforeItEndedAsync(guest);
        await ReachesServersInTheGuestAsync(guest);
        await SurvivesARebootAsync(guest);
    }

    static async Task RefusesAtOnceAsync(LinuxGuest guest)
    {
        const int ECONNRESET = 104;
        foreach (var (cid, port) in new[] { (3, 5999), (2, 5999), (0, 9100), (17, 9100), (3, 0) })
        {
            var answer = (await guest.DoAsync($"refused {cid} {port}")).Split(' ');
            Assert.Equal(ECONNRESET.ToString(CultureInfo.InvariantCulture), answer[1]);

            // Without a reset Linux gives up after two seconds only.
            Assert.True(long.Parse(answer[2], CultureInfo.InvariantCulture) < 1_000_000, string.Join(' ', answer));
        }
    }

    static async Task ServesShortConnectionsAsync(LinuxGuest guest)
    {
        using var listener = guest.Router.Listen(7002);
        var command = guest.DoOkAsync($"short 7002 {s_connections}");
        var buffer = new byte[4];
        for (var i = 0; i < s_connections; i++)
        {
            await using var connection = await listener.AcceptAsync(Ended);
            await connection.Stream.ReadExactlyAsync(buffer, Ended);
            Assert.Equal(i, BitConverter.ToInt32(buffer));
            await connection.Stream.WriteAsync(buffer, Ended);
            Assert.Equal(0, await connection.Stream.ReadAtLeastAsync(buffer, 1, throwOnEndOfStream: false, Ended));
        }

        await command;
        await HasOnlyTheControlConnectionAsync(guest);
    }

    static async Task HoldsManyConnectionsAsync(LinuxGuest guest)
    {
        const int count = 500;
        using var listener = guest.Router.Listen(7003, backlog: count);
        var command = guest.DoOkAsync($"hold 7003 {count}");
        var echoes = new List<Task>();
        for (var i = 0; i < count; i++)
        {
            echoes.Add(EchoAsync(await listener.AcceptAsync(Ended)));
        }

        Assert.Equal(count, await command);
        await Task.WhenAll(echoes);
        await HasOnlyTheControlConnectionAsync(guest);
    }

    static async Task KeepsWhatAProgramWroteBeforeItEndedAsync(LinuxGuest guest)
    {
        using var listener = guest.Router.Listen(7004);
        for (var round = 0; round < 20; round++)
        {
            var command = guest.DoOkAsync("abandon 7004 200000");
            await using var connection = await listener.AcceptAsync(Ended);
            Assert.Equal(0, await command);
            var buffer = new byte[300_000];
            Assert.Equal(200_000, await connection.Stream.ReadAtLeastAsync(buffer, buffer.Length, throwOnEndOfStream: false, Ended));
        }
    }

    static async Task ReachesServersInTheGuestAsync(LinuxGuest guest)
    {
        var connector = new VsockConnector(new VsockOptions { Resolvers = [VsockResolver.Fixed(LinuxGuest.Cid, VsockRoute.UnixSocket(guest.UnixPath))] });
        Assert.Equal(VsockError.ConnectionRefused, (await Assert.ThrowsAsync<VsockException>(async () => await connector.ConnectAsync(LinuxGuest.Cid, 8080, Ended))).Error);
        for (var round = 0; round < 3; round++)
        {
            var server = await guest.DoOkAsync("serve 8080");
            await using (var connection = await connector.ConnectAsync(LinuxGuest.Cid, 8080, Ended))
            {
                var writing = WordStream.WriteAsync(connection.Stream, 4 << 20).ContinueWith(_ => connection.CompleteWrites(), TaskScheduler.Default);
                Assert.Equal(4 << 20, await WordStream.ReadAsync(connection.Stream));
                await writing;
            }

            await using (var connection = await guest.Router.ConnectAsync(8080, Ended))
            {
                await connection.Stream.WriteAsync("hello"u8.ToArray(), Ended);
                var buffer = new byte[5];
                await connection.Stream.ReadExactlyAsync(buffer, Ended);
                Assert.Equal("hello"u8, buffer);
            }

            await guest.DoOkAsync($"stop {server}");
        }
    }

    static async Task SurvivesARebootAsync(LinuxGuest guest)
    {
        var server = await guest.DoOkAsync("serve 8080");
        await using var connection = await guest.Router.ConnectAsync(8080, Ended);
        Assert.True(server > 0);
        await guest.RebootAsync();
        Assert.Equal(0, await connection.Stream.ReadAtLeastAsync(new byte[1], 1, throwOnEndOfStream: false, Ended));
        await ServesShortConnectionsAsync(guest);
    }

    static async Task EchoAsync(VsockConnection connection)
    {
        await using (connection)
        {
            await connection.Stream.CopyToAsync(connection.Stream, Ended);
        }
    }

    // Linux confirms a close when it gets to it.
    static async Task HasOnlyTheControlConnectionAsync(LinuxGuest guest)
    {
        var connections = 0;
        for (var attempt = 0; attempt < 500; attempt++)
        {
            connections = await guest.AskAsync(device => device.ConnectionCount);
            if (connections == 1)
            {
                return;
            }

            await Task.Delay(20, Ended);
        }

        Assert.Equal(1, connections);
    }
}
