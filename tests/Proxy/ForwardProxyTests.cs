using System.Net;
using System.Net.Sockets;
using NitroEnclaves.Vsock;

namespace NitroEnclaves.Proxy.Tests;

/// <summary>All connections of an enclave to one server.</summary>
public sealed class ForwardProxyTests : IAsyncDisposable
{
    static readonly CancellationToken s_ended = TestContext.Current.CancellationToken;

    readonly DirectoryInfo _folder = Directory.CreateTempSubdirectory("proxy-");
    readonly CancellationTokenSource _stop = new();
    readonly TcpListener _server = new(IPAddress.Loopback, 0);
    readonly List<string> _log = [];
    VsockListener? _listener;
    Task _serving = Task.CompletedTask;

    public ForwardProxyTests() => _server.Start();

    ProxyTarget Server => new("127.0.0.1", ((IPEndPoint)_server.LocalEndpoint).Port);

    public async ValueTask DisposeAsync()
    {
        await _stop.CancelAsync();
        await _serving;
        _listener?.Dispose();
        _server.Dispose();
        _stop.Dispose();
        _folder.Delete(recursive: true);
    }

    [Fact]
    public async Task Each_direction_ends_on_its_own()
    {
        Start(Server);
        using var enclave = await DialAsync();
        using var server = await _server.AcceptSocketAsync(s_ended);
        await enclave.SendAsync("question"u8.ToArray(), s_ended);
        enclave.Shutdown(SocketShutdown.Send);
        Assert.Equal("question", await ReadToEndAsync(server));
        // The server answers after the enclave has said all: vsock-proxy would have hung up by now.
        await server.SendAsync("answer"u8.ToArray(), s_ended);
        server.Shutdown(SocketShutdown.Send);
        Assert.Equal("answer", await ReadToEndAsync(enclave));
    }

    [Fact]
    public async Task No_connection_waits_for_another()
    {
        Start(Server);
        var silent = new List<Socket>();
        for (var i = 0; i < 20; i++)
        {
            silent.Add(await DialAsync());
            silent.Add(await _server.AcceptSocketAsync(s_ended));
        }

        using var enclave = await DialAsync();
        using var server = await _server.AcceptSocketAsync(s_ended);
        await server.SendAsync("now"u8.ToArray(), s_ended);
        server.Shutdown(SocketShutdown.Send);
        Assert.Equal("now", await ReadToEndAsync(enclave));
        silent.ForEach(socket => socket.Dispose());
    }

    [Fact]
    public async Task A_server_that_refuses_ends_the_connection()
    {
        var gone = Server;
        _server.Stop();
        Start(gone);
        using var enclave = await DialAsync();
        Assert.Equal("", await ReadToEndAsync(enclave));
        Assert.Contains(_log, line => line.Contains("nobody answers", StringComparison.Ordinal));
    }

    [Fact]
    public async Task A_name_that_does_not_resolve_in_time_ends_the_connection()
    {
        var target = new ProxyTarget("slow.example.com", 443);
        Start(target, new ProxyOptions
        {
            Allowlist = ProxyAllowlist.Parse(["slow.example.com"]),
            ConnectTimeout = TimeSpan.FromMilliseconds(50),
            Resolve = async (_, token) =>
            {
                await Task.Delay(Timeout.Infinite, token);
                return [];
            },
        });
        using var enclave = await DialAsync();
        Assert.Equal("", await ReadToEndAsync(enclave));
    }

    [Fact]
    public async Task Only_addresses_of_the_family_that_is_wanted_are_taken()
    {
        var target = new ProxyTarget("server.example.com", Server.Port);
        Start(target, new ProxyOptions
        {
            Allowlist = ProxyAllowlist.Parse([$"server.example.com:{Server.Port}", $"127.0.0.0/8:{Server.Port}"]),
            AddressFamily = AddressFamily.InterNetwork,
            Resolve = (_, _) => Task.FromResult<IPAddress[]>([IPAddress.IPv6Loopback, IPAddress.Loopback]),
        });
        using var enclave = await DialAsync();
        using var server = await _server.AcceptSocketAsync(s_ended);
        Assert.Equal(AddressFamily.InterNetwork, server.RemoteEndPoint!.AddressFamily);
    }

    [Fact]
    public void A_server_that_is_not_on_the_allowlist_is_refused_at_the_start() =>
        Assert.Throws<ArgumentException>(() => new ForwardProxy(Server, new ProxyOptions { Allowlist = ProxyAllowlist.Parse(["example.com"]) }));

    void Start(ProxyTarget target, ProxyOptions? options = null)
    {
        options ??= new ProxyOptions { Allowlist = ProxyAllowlist.Parse([target.ToString()]) };
        options = options with { Log = line => { lock (_log) { _log.Add(line); } } };
        _listener = VsockListener.Listen(8000, new VsockOptions
        {
            Resolvers = [VsockResolver.Fixed(VsockAddress.Any, VsockRoute.UnixSocket(Path.Combine(_folder.FullName, "v")))],
            ReadTimeout = Timeout.InfiniteTimeSpan,
            WriteTimeout = Timeout.InfiniteTimeSpan,
        });
        _serving = new ForwardProxy(target, options).ServeAsync(_listener, _stop.Token);
    }

    async Task<Socket> DialAsync()
    {
        var socket = new Socket(AddressFamily.Unix, SocketType.Stream, ProtocolType.Unspecified);
        await socket.ConnectAsync(new UnixDomainSocketEndPoint(Path.Combine(_folder.FullName, "v_8000")), s_ended);
        return socket;
    }

    static async Task<string> ReadToEndAsync(Socket socket)
    {
        var text = new System.Text.StringBuilder();
        var buffer = new byte[256];
        for (int read; (read = await socket.ReceiveAsync(buffer, s_ended)) > 0;)
        {
            text.Append(System.Text.Encoding.ASCII.GetString(buffer, 0, read));
        }

        return text.ToString();
    }
}
