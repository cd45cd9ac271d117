using System.Text;

namespace NitroEnclaves.Enclaves.Tests;

public sealed class CommandServerTests : IAsyncDisposable
{
    static readonly byte[] s_statusZero = [0xa1, 0x66, .. "Status"u8, 0x00];

    readonly TemporaryFolder _folder = new();
    readonly ScriptedEnclave _enclave = new();
    readonly CommandServer _server;
    readonly string _path;

    public CommandServerTests()
    {
        _path = _folder["e.sock"];
        _server = CommandServer.Start(_path, _enclave, Interop.geteuid());
    }

    static CancellationToken Cancellation => TestContext.Current.CancellationToken;

    public async ValueTask DisposeAsync()
    {
        await _server.DisposeAsync();
        _folder.Dispose();
    }

    [Fact]
    public void The_CID_comes_as_a_bare_number()
    {
        using var peer = new NitroCliPeer(_path);
        peer.SendCommand("GetEnclaveCID");
        Assert.Equal(16UL, peer.ReadNumber());
        Assert.Null(peer.ReadItem());
    }

    [Theory]
    [InlineData(false, 0UL)]
    [InlineData(true, 1UL)]
    public void The_flags_come_as_a_bare_number(bool debug, ulong flags)
    {
        _enclave.IsDebugMode = debug;
        using var peer = new NitroCliPeer(_path);
        peer.SendCommand("GetEnclaveFlags");
        Assert.Equal(flags, peer.ReadNumber());
        Assert.Null(peer.ReadItem());
    }

    [Fact]
    public async Task Statistics_come_as_they_are_counted()
    {
        var statistics = await new EnclaveClient(_path).GetStatisticsAsync(Cancellation);
        Assert.Equal(new Dictionary<string, long> { ["GetRandom"] = 3 }, statistics.NsmRequests);
        Assert.Equal(new VsockTraffic(1L << 40, 2), statistics.Vsock);
    }

    [Fact]
    public void The_name_comes_confirmed_as_JSON()
    {
        using var peer = new NitroCliPeer(_path);
        peer.SendCommand("GetEnclaveName");
        Assert.Equal(0xEEC0UL, peer.ReadNumber());
        Assert.Equal("\"hello\"\n", peer.ReadText("StdOutMessage"));
        Assert.Equal(s_statusZero, peer.ReadItem());
        Assert.Null(peer.ReadItem());
    }

    [Theory]
    [InlineData("hello", true)]
    [InlineData("other", false)]
    public void Only_the_enclave_with_the_name_prints_its_id(string name, bool prints)
    {
        using var peer = new NitroCliPeer(_path);
        peer.SendCommand("GetIDbyName");
        Assert.Equal(0xEEC0UL, peer.ReadNumber());
        peer.Send([(byte)(0x60 + name.Length), .. Encoding.ASCII.GetBytes(name)]);
        if (prints)
        {
            Assert.Equal($"\"{_enclave.Id}\"\n", peer.ReadText("StdOutMessage"));
        }

        Assert.Equal(s_statusZero, peer.ReadItem());
    }

    [Theory]
    [InlineData(false)]
    [InlineData(true)]
    public void A_description_comes_with_metadata_if_asked_for(bool metadata)
    {
        using var peer = new NitroCliPeer(_path);
        peer.SendCommand("Describe");
        peer.Send([0xa1, 0x68, .. "metadata"u8, (byte)(metadata ? 0xf5 : 0xf4)]);
        Assert.Equal(0xEEC0UL, peer.ReadNumber());
        var json = peer.ReadText("StdOutMessage");
        Assert.StartsWith("{\n  \"EnclaveName\": \"hello\",\n  \"EnclaveID\": \"i-", json, StringComparison.Ordinal);
        Assert.Equal(metadata, json.Contains("\"ImageName\": \"image\"", StringComparison.Ordinal));
        Assert.Equal(s_statusZero, peer.ReadItem());
    }

    [Fact]
    public async Task The_end_is_reported_when_it_has_come_and_the_connection_stays_until_the_process_goes()
    {
        using var peer = new NitroCliPeer(_path);
        peer.SendCommand("Terminate");
        await _enclave.TerminationAsked.Task.WaitAsync(Cancellation);
        _server.StopListening();
        await Assert.ThrowsAsync<EnclaveException>(() => new EnclaveClient(_path).GetCidAsync(Cancellation));
        _enclave.End.SetResult(new EnclaveEnd(EnclaveEndKind.Terminated, null, ""));
        Assert.Equal($"Successfully terminated enclave {_enclave.Id}.\n", peer.ReadText("StdErrMessage"));
        Assert.Equal(
            $"{{\n  \"EnclaveName\": \"hello\",\n  \"EnclaveID\": \"{_enclave.Id}\",\n  \"Terminated\": true\n}}\n", peer.ReadText("StdOutMessage"));
        Assert.Equal(s_statusZero, peer.ReadItem());

        var end = Task.Run(peer.ReadItem, Cancellation);
        await _server.DrainAsync();
        Assert.False(end.IsCompleted);
        await _server.DisposeAsync();
        Assert.Null(await end);
    }

    [Fact]
    public void A_second_run_is_refused_as_one_that_exists()
    {
        using var peer = new NitroCliPeer(_path);
        peer.SendCommand("Run");
        peer.Send([0xa1, 0x68, .. "eif_path"u8, 0x61, (byte)'e']);
        Assert.EndsWith("already been started.\n", peer.ReadText("StdErrMessage"), StringComparison.Ordinal);
        Assert.Equal([0xa1, 0x66, .. "Status"u8, 0x11], peer.ReadItem());
        Assert.Null(peer.ReadItem());
    }

    public static TheoryData<string, byte[]> Malformed => new()
    {
        { "unknown command", [4, 0, 0, 0, 0, 0, 0, 0, 0x63, .. "Foo"u8, 4, 0, 0, 0, 0, 0, 0, 0, 0x63, .. "Foo"u8] },
        { "run without what", [4, 0, 0, 0, 0, 0, 0, 0, 0x63, .. "Run"u8, 4, 0, 0, 0, 0, 0, 0, 0, 0x63, .. "Run"u8] },
        { "number for a command", [2, 0, 0, 0, 0, 0, 0, 0, 0x60, .. "0"u8, 2, 0, 0, 0, 0, 0, 0, 0, 0x60, .. "0"u8] },
        { "digits as a command", [2, 0, 0, 0, 0, 0, 0, 0, 0x61, .. "0"u8, 2, 0, 0, 0, 0, 0, 0, 0, 0x61, .. "0"u8] },
        { "huge frame", [0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff] },
        { "frame just too large", [1, 0, 1, 0, 0, 0, 0, 0] },
        { "no CBOR", [1, 0, 0, 0, 0, 0, 0, 0, 0xff, 1, 0, 0, 0, 0, 0, 0, 0, 0xff] },
        { "empty frames", new byte[16] },
        { "truncated", [4, 0, 0, 0, 0, 0, 0, 0, 0x63] },
        { "copies that differ", [4, 0, 0, 0, 0, 0, 0, 0, 0x63, .. "abc"u8, 4, 0, 0, 0, 0, 0, 0, 0, 0x63, .. "abd"u8] },
        { "nothing", [] },
    };

    [Theory]
    [MemberData(nameof(Malformed))]
    public void Other_bytes_get_no_answer_and_harm_nobody(string what, byte[] bytes)
    {
        Assert.NotEmpty(what);
        using (var peer = new NitroCliPeer(_path))
        {
            peer.SendRaw(bytes);
            peer.HangUp();
            Assert.Null(peer.ReadItem());
        }

        The_CID_comes_as_a_bare_number();
        Assert.False(_enclave.TerminationAsked.Task.IsCompleted);
    }

    [Fact]
    public void Every_single_flipped_byte_of_a_command_is_no_command()
    {
        byte[] command = [9, 0, 0, 0, 0, 0, 0, 0, 0x69, .. "Terminate"u8];
        for (var index = 8; index < command.Length; index++)
        {
            var flipped = (byte[])command.Clone();
            flipped[index] ^= 0x20;
            flipped[0] = 10;
            using var peer = new NitroCliPeer(_path);
            peer.SendRaw([.. flipped, .. flipped]);
            peer.HangUp();
            Assert.Null(peer.ReadItem());
        }

        Assert.False(_enclave.TerminationAsked.Task.IsCompleted);
    }

    [Fact]
    public void Everybody_may_connect() => Assert.Equal((UnixFileMode)0x1f6, File.GetUnixFileMode(_path));

    [Theory]
    [InlineData(nameof(EnclaveCommand.Run), false)]
    [InlineData(nameof(EnclaveCommand.Terminate), false)]
    [InlineData(nameof(EnclaveCommand.Console), false)]
    [InlineData(nameof(EnclaveCommand.Describe), true)]
    [InlineData(nameof(EnclaveCommand.GetEnclaveCID), true)]
    [InlineData(nameof(EnclaveCommand.GetEnclaveFlags), true)]
    [InlineData(nameof(EnclaveCommand.GetEnclaveName), true)]
    [InlineData(nameof(EnclaveCommand.GetIDbyName), true)]
    [InlineData(nameof(EnclaveCommand.Wait), true)]
    public void Others_may_only_look(string name, bool permitted)
    {
        var command = Enum.Parse<EnclaveCommand>(name);
        Assert.Equal(permitted, CommandPolicy.Permits(command, 1001, owner: 1000));
        Assert.True(CommandPolicy.Permits(command, 1000, owner: 1000));
        Assert.True(CommandPolicy.Permits(command, 0, owner: 1000));
    }

    [Fact]
    public void The_peer_is_who_the_kernel_says()
    {
        using var peer = new NitroCliPeer(_path);
        using var pair = SocketPair.Create();
        using var stream = pair.TakeStream();
        Assert.Equal(new PeerCredentials(Environment.ProcessId, Interop.geteuid()), PeerCredentials.Of(stream.Socket));
    }

    [Fact]
    public async Task Our_client_understands_our_server()
    {
        var client = new EnclaveClient(_path);
        Assert.Equal(16u, await client.GetCidAsync(Cancellation));
        var description = await client.DescribeAsync(metadata: true, Cancellation);
        Assert.Equal(("hello", "image", 2), (description.EnclaveName, description.ImageName, description.CpuIds.Count));

        var waiting = client.WaitAsync(Cancellation);
        var terminating = client.TerminateAsync(Cancellation);
        await _enclave.TerminationAsked.Task.WaitAsync(Cancellation);
        var end = new EnclaveEnd(EnclaveEndKind.Exited, 7, "seven");
        _server.StopListening();
        _enclave.End.SetResult(end);
        Assert.Equal(end, await waiting);
        await _server.DrainAsync();
        await _server.DisposeAsync();
        Assert.True((await terminating).Terminated);
    }

    [Fact(Timeout = 60_000)]
    public async Task Who_waits_for_an_answer_at_the_end_is_given_ten_seconds()
    {
        var time = new ManualTime();
        var path = _folder["late.sock"];
        await using var server = CommandServer.Start(path, _enclave, Interop.geteuid(), time: time);
        var terminating = new EnclaveClient(path).TerminateAsync(Cancellation);
        await _enclave.TerminationAsked.Task.WaitAsync(Cancellation);
        server.StopListening();
        var draining = server.DrainAsync();
        await time.TimerAsync(CommandSession.ReplyPatience);
        time.Advance(CommandSession.ReplyPatience - TimeSpan.FromSeconds(1));
        Assert.False(draining.IsCompleted);
        _enclave.End.SetResult(new EnclaveEnd(EnclaveEndKind.Terminated, null, "late"));
        await draining;
        await server.DisposeAsync();
        Assert.True((await terminating).Terminated);
    }

    [Fact]
    public async Task A_renamed_socket_leaves_its_old_name_to_the_enclave_that_has_it_now()
    {
        File.Move(_path, _path + "2");
        Assert.Equal(16u, await new EnclaveClient(_path + "2").GetCidAsync(Cancellation));
        await File.WriteAllTextAsync(_path, "another's", Cancellation);
        _server.StopListening();
        Assert.True(File.Exists(_path));
    }

    [Fact]
    public async Task A_peer_of_a_strange_name_takes_the_enclave_from_nobody()
    {
        using var stranger = await StrangeName.ConnectAsync(_path, Path.GetDirectoryName(_path)!);
        Assert.Equal(16u, await new EnclaveClient(_path).GetCidAsync(Cancellation));
    }

    [Theory]
    [InlineData(new byte[] { 0xff })]
    [InlineData(new byte[] { 0x18, 0x2a })]
    [InlineData(new byte[] { 0x63, 0x52, 0x75 })]
    [InlineData(new byte[] { 0x63, 0x52, 0x75, 0x6e, 0x00 })]
    public void What_is_no_command_is_E14(byte[] item) =>
        Assert.Equal(14, Assert.Throws<EnclaveException>(() => CommandMessages.DecodeCommand(item)).NitroCliCode);

    [Fact]
    public async Task A_command_that_is_not_carried_out_is_E38()
    {
        var exception = await Assert.ThrowsAsync<EnclaveException>(() => new EnclaveClient(_path).ExecuteAsync(["/bin/true"], TestContext.Current.CancellationToken));
        Assert.Equal((EnclaveFailure.CommandNotExecuted, 38), (exception.Failure, exception.NitroCliCode));
        Assert.Contains("process engine", exception.Message, StringComparison.Ordinal);
    }

    [Fact]
    public async Task The_console_comes_from_its_beginning_and_then_live()
    {
        var console = new ConsoleLog();
        _enclave.ReadableConsole = console;
        console.Append("before "u8);
        var output = new NotifyingStream();
        var copying = new EnclaveClient(_path).CopyConsoleAsync(output, follow: true, Cancellation);
        await output.WaitForLengthAsync(7, Cancellation);
        console.Append("after"u8);
        console.Complete();
        await copying;
        Assert.Equal("before after", Encoding.UTF8.GetString(output.ToArray()));
    }

    [Fact]
    public async Task Without_following_the_console_ends_where_it_is()
    {
        _enclave.ReadableConsole = new ConsoleLog();
        _enclave.ReadableConsole.Append("so far"u8);
        var output = new MemoryStream();
        await new EnclaveClient(_path).CopyConsoleAsync(output, follow: false, Cancellation);
        Assert.Equal("so far", Encoding.UTF8.GetString(output.ToArray()));
    }

    [Fact]
    public async Task An_enclave_without_debug_mode_has_no_console()
    {
        var refusal = await Assert.ThrowsAsync<EnclaveException>(() => new EnclaveClient(_path).CopyConsoleAsync(Stream.Null, follow: true, Cancellation));
        Assert.Equal((EnclaveFailure.Console, 44), (refusal.Failure, refusal.NitroCliCode));
        Assert.Contains("debug mode", refusal.Message, StringComparison.Ordinal);
    }

    [Fact]
    public async Task Followers_that_leave_are_noticed()
    {
        _enclave.ReadableConsole = new ConsoleLog();
        for (var round = 0; round < 100; round++)
        {
            using var peer = new NitroCliPeer(_path);
            peer.SendCommand("Console");
            peer.Send([0xa1, 0x66, .. "follow"u8, 0xf5]);
            Assert.Equal(0xEEC0UL, peer.ReadNumber());
        }

        Assert.Equal(16u, await new EnclaveClient(_path).GetCidAsync(Cancellation));
    }

    [Fact]
    public async Task A_process_that_is_gone_is_no_enclave()
    {
        await _server.DisposeAsync();
        var failure = await Assert.ThrowsAsync<EnclaveException>(() => new EnclaveClient(_path).GetCidAsync(Cancellation));
        Assert.Equal((EnclaveFailure.NoSuchEnclave, 11), (failure.Failure, failure.NitroCliCode));
    }
}
