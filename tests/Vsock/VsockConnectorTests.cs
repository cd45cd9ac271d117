using System.Net.Sockets;
using System.Text;

namespace NitroEnclaves.Vsock.Tests;

public sealed class VsockConnectorTests : IDisposable
{
    static readonly CancellationToken Ended = TestContext.Current.CancellationToken;
    readonly EmulatedEnclave _enclave = new();

    public void Dispose() => _enclave.Dispose();

    [Fact]
    public async Task Connects_through_the_unix_socket_and_knows_both_addresses()
    {
        var connecting = new VsockConnector(_enclave.Options).ConnectAsync(16, 5000, Ended);
        var (device, line) = await _enclave.AcceptAsync();
        await device.SendAsync("OK 1073741824\n"u8.ToArray());
        await using var connection = await connecting;

        Assert.Equal("CONNECT 5000", line);
        Assert.Equal(new VsockEndPoint(16, 5000), connection.RemoteEndPoint);
        Assert.Equal(new VsockEndPoint(VsockAddress.NitroParent, 1u << 30), connection.LocalEndPoint);
        device.Dispose();
    }

    [Fact]
    public async Task Leaves_the_bytes_after_the_answer_to_the_connection()
    {
        var connecting = new VsockConnector(_enclave.Options).ConnectAsync(16, 1, Ended);
        var (device, _) = await _enclave.AcceptAsync();
        await device.SendAsync("OK 7\nhello"u8.ToArray());
        await using var connection = await connecting;

        var buffer = new byte[16];
        Assert.Equal(5, await connection.Stream.ReadAsync(buffer, Ended));
        Assert.Equal("hello", Encoding.ASCII.GetString(buffer, 0, 5));
        device.Dispose();
    }

    [Fact]
    public async Task Reads_an_answer_that_comes_byte_by_byte()
    {
        var connecting = new VsockConnector(_enclave.Options).ConnectAsync(16, 1, Ended);
        var (device, _) = await _enclave.AcceptAsync();
        foreach (var part in "OK 42\r\n"u8.ToArray())
        {
            await device.SendAsync(new[] { part });
            await Task.Yield();
        }

        await using var connection = await connecting;
        Assert.Equal(42u, connection.LocalEndPoint.Port);
        device.Dispose();
    }

    [Theory]
    [InlineData("ERR 1\n")]
    [InlineData("OK\n")]
    [InlineData("OK x\n")]
    [InlineData("OK 4294967296\n")]
    [InlineData("HTTP/1.1 400 Bad Request: what is this\n")]
    [InlineData("OK 11111111111111111111111111111111111111\n")]
    public async Task Refuses_another_answer(string answer)
    {
        var connecting = new VsockConnector(_enclave.Options).ConnectAsync(16, 1, Ended);
        var (device, _) = await _enclave.AcceptAsync();
        await device.SendAsync(Encoding.ASCII.GetBytes(answer));

        var exception = await Assert.ThrowsAsync<VsockException>(async () => await connecting);
        Assert.Equal(VsockError.HandshakeFailed, exception.Error);
        device.Dispose();
    }

    [Fact]
    public async Task A_close_without_an_answer_is_a_refusal()
    {
        var connecting = new VsockConnector(_enclave.Options).ConnectAsync(16, 1, Ended);
        var (device, _) = await _enclave.AcceptAsync();
        device.Dispose();

        var exception = await Assert.ThrowsAsync<VsockException>(async () => await connecting);
        Assert.Equal(VsockError.ConnectionRefused, exception.Error);
    }

    [Fact]
    public async Task Gives_up_on_a_device_that_does_not_answer()
    {
        var connector = new VsockConnector(_enclave.Options with { ConnectTimeout = TimeSpan.FromMilliseconds(50) });
        var connecting = connector.ConnectAsync(16, 1, Ended);
        var (device, _) = await _enclave.AcceptAsync();

        var exception = await Assert.ThrowsAsync<VsockException>(async () => await connecting);
        Assert.Equal(VsockError.TimedOut, exception.Error);
        Assert.Equal(0, await device.ReceiveAsync(new byte[1]));
        device.Dispose();
    }

    [Fact]
    public async Task Ends_when_its_caller_cancels()
    {
        using var source = new CancellationTokenSource();
        var connecting = new VsockConnector(_enclave.Options).ConnectAsync(16, 1, source.Token);
        var (device, _) = await _enclave.AcceptAsync();
        await source.CancelAsync();

        await Assert.ThrowsAnyAsync<OperationCanceledException>(async () => await connecting);
        device.Dispose();
    }

    [Fact]
    public async Task Asks_the_resolvers_in_order_and_says_when_none_knows()
    {
        var options = _enclave.Options with
        {
            Resolvers = [VsockResolver.Fixed(17, VsockRoute.UnixSocket("/nowhere/at/all")), .. _enclave.Options.Resolvers],
        };
        var connector = new VsockConnector(options);
        var connecting = connector.ConnectAsync(16, 1, Ended);
        var (device, _) = await _enclave.AcceptAsync();
        await device.SendAsync("OK 1\n"u8.ToArray());
        await (await connecting).DisposeAsync();

        Assert.Equal(VsockError.Unreachable, (await Assert.ThrowsAsync<VsockException>(async () => await connector.ConnectAsync(18, 1, Ended))).Error);
        Assert.Equal(VsockError.Unreachable, (await Assert.ThrowsAsync<VsockException>(async () => await connector.ConnectAsync(17, 1, Ended))).Error);
        device.Dispose();
    }

    [Fact]
    public void Refuses_options_that_cannot_work()
    {
        Assert.Throws<ArgumentOutOfRangeException>(() => new VsockConnector(_enclave.Options with { ConnectTimeout = TimeSpan.Zero }));
        Assert.Throws<ArgumentOutOfRangeException>(() => new VsockConnector(_enclave.Options with { ReadTimeout = TimeSpan.FromDays(30) }));
        Assert.Throws<ArgumentOutOfRangeException>(() => new VsockConnector(_enclave.Options with { Resolvers = [] }));
    }
}
