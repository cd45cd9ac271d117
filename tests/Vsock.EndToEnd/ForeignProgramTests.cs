using System.Net.Sockets;
using System.Security.Cryptography;
using System.Text;
using NitroEnclaves.Vsock;

namespace NitroEnclaves.Enclaves.Tests;

/// <summary>Programs in a guest that others wrote with others' vsock code, against our device and router.</summary>
public sealed class ForeignProgramTests(ForeignGuest foreign) : IClassFixture<ForeignGuest>
{
    const string Python = "/usr/bin/python3 /vsock-client.py";
    const string Go = "/bin-go/go-vsock";
    const int Length = 2_000_000;

    static readonly CancellationToken Ended = TestContext.Current.CancellationToken;

    LinuxGuest Guest => foreign.Guest;

    [Fact]
    public async Task Python_sends_back_what_it_reads_up_to_the_end()
    {
        using var listener = Guest.Router.Listen(7200);
        var client = Guest.RunAsync($"{Python} echo 7200");
        await using (var connection = await listener.AcceptAsync(Ended))
        {
            await IsEchoedAsync(connection);
        }

        Assert.Equal($"{Length}|", await client);
    }

    [Fact]
    public async Task Python_serves_and_sees_its_parent()
    {
        var server = await Guest.StartProgramAsync($"{Python} serve 7201");
        await using (var connection = await Guest.ConnectAsync(7201))
        {
            var cid = new byte[2];
            await connection.Stream.ReadExactlyAsync(cid, Ended);
            Assert.Equal("3\n"u8, cid);
            await IsEchoedAsync(connection);
        }

        Assert.Equal($"{Length}|", await Guest.FinishAsync(server));
    }

    [Fact]
    public async Task Python_hears_of_refusals_and_its_own_time_outs()
    {
        foreach (var (cid, port) in new[] { (3, 5999), (2, 5999), (0, 5999), (17, 5999) })
        {
            Assert.Equal("ECONNRESET|", await Guest.RunAsync($"{Python} refused {cid} {port}"));
        }

        using var listener = Guest.Router.Listen(7202);
        var client = Guest.RunAsync($"{Python} timeout 7202");
        await using var connection = await listener.AcceptAsync(Ended);
        Assert.Equal("timed out|", await client);
    }

    [Fact]
    public async Task Python_sends_and_gets_messages_with_their_limits()
    {
        using var listener = new Socket(AddressFamily.Unix, SocketType.Seqpacket, ProtocolType.Unspecified);
        listener.Bind(new UnixDomainSocketEndPoint($"{Guest.UnixPath}_7203"));
        listener.Listen();
        var client = Guest.RunAsync($"{Python} messages 7203");
        using var connection = await listener.AcceptAsync(Ended);
        connection.SendBufferSize = 1 << 20;
        var buffer = new byte[300_000];
        for (int length; (length = await connection.ReceiveAsync(buffer, Ended)) > 0;)
        {
            await connection.SendAsync(buffer.AsMemory(0, length), Ended);
        }

        connection.Shutdown(SocketShutdown.Send);
        Assert.Equal("128|", await client);
    }

    [Fact]
    public async Task Socat_sends_a_file_and_takes_one()
    {
        var file = await File.ReadAllBytesAsync(foreign.Socat, Ended);
        using var listener = Guest.Router.Listen(7204);
        var sending = Guest.RunAsync("/usr/bin/socat -u OPEN:/usr/bin/socat,rdonly VSOCK-CONNECT:3:7204");
        await using (var connection = await listener.AcceptAsync(Ended))
        {
            Assert.Equal(file, await ReadToEndAsync(connection));
        }

        await sending;
        var taking = Guest.RunAsync("/usr/bin/socat -u VSOCK-CONNECT:3:7204 CREATE:/tmp/taken");
        await using (var connection = await listener.AcceptAsync(Ended))
        {
            await connection.Stream.WriteAsync(file, Ended);
        }

        await taking;
        var returning = Guest.RunAsync("/usr/bin/socat -u OPEN:/tmp/taken,rdonly VSOCK-CONNECT:3:7204");
        await using (var connection = await listener.AcceptAsync(Ended))
        {
            Assert.Equal(file, await ReadToEndAsync(connection));
        }

        await returning;
    }

    [Fact]
    public async Task Socat_serves_many_connections()
    {
        var server = await Guest.StartProgramAsync("/usr/bin/socat VSOCK-LISTEN:7205,fork PIPE");
        for (var round = 0; round < 10; round++)
        {
            await using var connection = await Guest.ConnectAsync(7205);
            await connection.Stream.WriteAsync("hello"u8.ToArray(), Ended);
            connection.CompleteWrites();
            Assert.Equal("hello", Encoding.ASCII.GetString(await ReadToEndAsync(connection)));
        }

        await Guest.DoOkAsync($"stop {server}");
    }

    [Fact]
    public async Task Go_dials_from_many_goroutines()
    {
        using var listener = Guest.Router.Listen(7206);
        var client = Guest.RunAsync($"{Go} dial 3 7206 500 16");
        var echoes = new List<Task>();
        for (var i = 0; i < 500; i++)
        {
            echoes.Add(EchoAsync(await listener.AcceptAsync(Ended)));
        }

        Assert.Equal("dialled: 500 of 500|", await client);
        await Task.WhenAll(echoes);
        Assert.Equal($"own CID: {LinuxGuest.Cid}|", await Guest.RunAsync($"{Go} id"));
    }

    [Fact]
    public async Task Go_serves_and_keeps_its_deadlines()
    {
        var server = await Guest.StartProgramAsync($"{Go} echo 7207 3");
        for (var round = 0; round < 3; round++)
        {
            await using var connection = await Guest.ConnectAsync(7207);
            var data = RandomNumberGenerator.GetBytes(Length);
            var writing = connection.Stream.WriteAsync(data, Ended).AsTask().ContinueWith(_ => connection.CompleteWrites(), TaskScheduler.Default);
            Assert.Equal(data, await ReadToEndAsync(connection));
            await writing;
        }

        var printed = await Guest.FinishAsync(server);
        Assert.EndsWith("accepted from CID 3|accepted from CID 3|accepted from CID 3|served: 3|", printed, StringComparison.Ordinal);
        Assert.Contains("connection reset by peer", await Guest.RunAsync($"{Go} refused 3 5999"), StringComparison.Ordinal);
        Assert.Equal("deadline: true|closed: true|", await Guest.RunAsync($"{Go} deadline 7208"));
    }

    // Sends random bytes, ends this direction, and expects them back with their hash in a line.
    static async Task IsEchoedAsync(VsockConnection connection)
    {
        var data = RandomNumberGenerator.GetBytes(Length);
        var writing = connection.Stream.WriteAsync(data, Ended).AsTask().ContinueWith(_ => connection.CompleteWrites(), TaskScheduler.Default);
        var answer = await ReadToEndAsync(connection);
        await writing;
        Assert.Equal(data, answer[..Length]);
        Assert.Equal(Convert.ToHexStringLower(SHA256.HashData(data)) + "\n", Encoding.ASCII.GetString(answer[Length..]));
    }

    static async Task<byte[]> ReadToEndAsync(VsockConnection connection)
    {
        using var data = new MemoryStream();
        await connection.Stream.CopyToAsync(data, Ended);
        return data.ToArray();
    }

    static async Task EchoAsync(VsockConnection connection)
    {
        await using (connection)
        {
            await connection.Stream.CopyToAsync(connection.Stream, Ended);
        }
    }
}
