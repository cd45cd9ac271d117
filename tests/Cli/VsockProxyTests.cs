using System.Diagnostics;
using System.Net;
using System.Net.Sockets;
using System.Text;

namespace NitroEnclaves.Cli.Tests;

/// <summary>The proxy as a service: who may be reached, what signals do, and the name of AWS's program. Enclaves are Unix sockets here.</summary>
public sealed class VsockProxyTests : IAsyncDisposable
{
    readonly TemporaryFolder _folder = new();
    readonly TcpListener _server = new(IPAddress.Loopback, 0);
    Process? _process;

    public VsockProxyTests() => _server.Start();

    static CancellationToken Token => TestContext.Current.CancellationToken;

    int Port => ((IPEndPoint)_server.LocalEndpoint).Port;

    public async ValueTask DisposeAsync()
    {
        if (_process is { HasExited: false })
        {
            _process.Kill();
            await _process.WaitForExitAsync(CancellationToken.None);
        }

        _process?.Dispose();
        _server.Dispose();
        _folder.Dispose();
    }

    [Fact]
    public async Task Under_AWSs_name_it_leads_to_the_server_until_it_is_told_to_end()
    {
        await StartAsync([$"{Allowed(Port)}", "8000", "127.0.0.1", $"{Port}", "-w", "2", "--drain-timeout", "60"], link: "vsock-proxy");
        using var enclave = await DialAsync();
        using var server = await _server.AcceptSocketAsync(Token);
        await SignalAsync("TERM");
        // What is open goes on.
        await server.SendAsync("answer"u8.ToArray(), Token);
        Assert.Equal("answer", await ReadAsync(enclave, 6));
        server.Dispose();
        enclave.Dispose();
        await _process!.WaitForExitAsync(Token);
        Assert.Equal(0, _process.ExitCode);
    }

    [Fact]
    public async Task A_second_signal_ends_what_is_open()
    {
        await StartAsync([$"{Allowed(Port)}", "8000", "127.0.0.1", $"{Port}", "--drain-timeout", "600"]);
        using var enclave = await DialAsync();
        using var server = await _server.AcceptSocketAsync(Token);
        await SignalAsync("INT");
        while (!_process!.HasExited)
        {
            await SignalAsync("TERM");
            await Task.Delay(50, Token);
        }

        Assert.Equal(0, _process.ExitCode);
    }

    [Fact]
    public async Task The_list_is_read_anew_on_a_hang_up()
    {
        var other = Port + 1;
        await StartAsync([Allowed(other), "--connect"]);
        Assert.StartsWith("HTTP/1.1 403 ", await ConnectAsync(), StringComparison.Ordinal);
        Allowed(Port);
        await SignalAsync("HUP");
        await WaitForLineAsync("was read anew: 1 entries");
        Assert.StartsWith("HTTP/1.1 200 ", await ConnectAsync(), StringComparison.Ordinal);

        // What cannot be read changes nothing.
        _folder.Write("list.yaml", "allowlist: [");
        await SignalAsync("HUP");
        await WaitForLineAsync("The allowlist stays as it was");
        Assert.StartsWith("HTTP/1.1 200 ", await ConnectAsync(), StringComparison.Ordinal);
    }

    [Fact]
    public async Task A_server_that_is_taken_off_the_list_ends_its_proxy()
    {
        await StartAsync([Allowed(Port), "8000", "127.0.0.1", $"{Port}"]);
        Allowed(Port + 1);
        await SignalAsync("HUP");
        await WaitForLineAsync("is not on the allowlist any more");
        await _process!.WaitForExitAsync(Token);
        Assert.Equal(3, _process.ExitCode);
    }

    [Fact]
    public async Task The_region_of_the_instance_is_asked_for()
    {
        var asked = new List<string>();
        using var metadata = HttpStandIn.OnLoopback(request =>
        {
            asked.Add(request.Path);
            return request.Path == "/latest/api/token" ? (200, "text/plain", "token"u8.ToArray())
                : (200, "text/plain", """{"instanceId": "i-1", "region": "eu-central-1"}"""u8.ToArray());
        });
        _folder.Write("list.yaml", "allowlist:\n- {address: kms.eu-central-1.example, port: 443}\n");
        await StartAsync(
            ["--config=" + Path.Combine(_folder.Path, "list.yaml"), "8000", "kms.{region}.example", "443"], null,
            ("AWS_EC2_METADATA_SERVICE_ENDPOINT", $"http://127.0.0.1:{metadata.Port}"), ("AWS_REGION", ""));
        Assert.Equal(["/latest/api/token", "/latest/dynamic/instance-identity/document"], asked);
    }

    [Theory]
    [InlineData("eu-central-1", 3, "kms.eu-central-1.example:443 is not on it")]
    [InlineData("a/b", 19, "Set AWS_REGION")]
    public void A_region_that_is_given_is_taken_if_it_can_be_one(string region, int code, string message)
    {
        var result = NitroCommand.Run(["vsock-proxy", Allowed(1), "8000", "kms.{region}.example", "443"], "", ("AWS_REGION", region));
        Assert.Equal(code, result.ExitCode);
        Assert.Contains(message, result.Error, StringComparison.Ordinal);
    }

    [Theory]
    [InlineData("ftp://127.0.0.1/")]
    [InlineData("no address")]
    public void An_instance_that_cannot_be_asked_for_its_region_is_named(string endpoint)
    {
        var result = NitroCommand.Run(["vsock-proxy", Allowed(1), "8000", "kms.{region}.example", "443"], "", ("AWS_EC2_METADATA_SERVICE_ENDPOINT", endpoint), ("AWS_REGION", ""));
        Assert.Equal(19, result.ExitCode);
        Assert.StartsWith("[ E19 ] The AWS region of this instance is not known: ", result.Error, StringComparison.Ordinal);
    }

    [Theory]
    [InlineData("vsock-proxy", "Vsock-TCP proxy 1.0.2\n")]
    public void It_tells_AWSs_version_under_its_name(string name, string version)
    {
        var link = Path.Combine(_folder.Path, name);
        File.CreateSymbolicLink(link, NitroCommand.FilePath);
        Assert.Equal(version, NitroCommand.RunAs(link, ["--version"]).Succeeded());
        Assert.Equal(2, NitroCommand.RunAs(link, []).ExitCode);
    }

    [Theory]
    [InlineData("127.0.0.1", "9", "Error at checking the allowlist: The given address and port are not allowed")]
    [InlineData("a b", "9", "are no server")]
    public void What_is_not_allowed_is_refused_at_the_start(string address, string port, string message)
    {
        var result = NitroCommand.Run(["vsock-proxy", Allowed(1), "8000", address, port]);
        Assert.Equal(3, result.ExitCode);
        Assert.Contains(message, result.Error, StringComparison.Ordinal);
    }

    [Fact]
    public void A_list_that_is_not_there_is_said_with_what_to_do()
    {
        var result = NitroCommand.Run(["vsock-proxy", "--config", "/nowhere/list.yaml", "8000", "a.example", "443"]);
        Assert.Equal(19, result.ExitCode);
        Assert.Matches(@"^\[ E19 \] The allowlist cannot be read: .*/nowhere/list\.yaml.* or give --allow\.\n$", result.Error);
    }

    // Writes the list and gives the option that names it.
    string Allowed(int port) => "--config=" + _folder.Write("list.yaml", $"allowlist:\n- {{address: 127.0.0.1, port: {port}}}\n");

    async Task StartAsync(string[] arguments, string? link = null, params (string Name, string Value)[] environment)
    {
        var path = NitroCommand.FilePath;
        if (link is not null)
        {
            path = Path.Combine(_folder.Path, link);
            File.CreateSymbolicLink(path, NitroCommand.FilePath);
        }
        else
        {
            arguments = ["vsock-proxy", .. arguments];
        }

        var start = new ProcessStartInfo(path, arguments) { RedirectStandardError = true };
        start.Environment["NITRO_CLI_SOCKETS_PATH"] = _folder.Path;
        foreach (var (name, value) in environment)
        {
            start.Environment[name] = value;
        }

        _process = Process.Start(start)!;
        await WaitForLineAsync("of their parent.");
    }

    async Task WaitForLineAsync(string part)
    {
        var said = new StringBuilder();
        while (await _process!.StandardError.ReadLineAsync(Token) is { } line)
        {
            said.AppendLine(line);
            if (line.Contains(part, StringComparison.Ordinal))
            {
                return;
            }
        }

        Assert.Fail($"The proxy ended without saying \"{part}\":\n{said}");
    }

    async Task SignalAsync(string signal)
    {
        using var kill = Process.Start("/bin/kill", [$"-{signal}", $"{_process!.Id}"]);
        await kill.WaitForExitAsync(Token);
    }

    async Task<Socket> DialAsync()
    {
        var socket = new Socket(AddressFamily.Unix, SocketType.Stream, ProtocolType.Unspecified);
        await socket.ConnectAsync(new UnixDomainSocketEndPoint(Path.Combine(_folder.Path, "parent.vsock_8000")), Token);
        return socket;
    }

    async Task<string> ConnectAsync()
    {
        using var socket = await DialAsync();
        await socket.SendAsync(Encoding.ASCII.GetBytes($"CONNECT 127.0.0.1:{Port} HTTP/1.1\r\n\r\n"), Token);
        return await ReadAsync(socket, 13);
    }

    static async Task<string> ReadAsync(Socket socket, int length)
    {
        var bytes = new byte[length];
        for (var count = 0; count < length;)
        {
            var read = await socket.ReceiveAsync(bytes.AsMemory(count), Token);
            Assert.NotEqual(0, read);
            count += read;
        }

        return Encoding.ASCII.GetString(bytes);
    }
}
