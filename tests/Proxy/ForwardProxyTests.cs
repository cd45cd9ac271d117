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

    // AWS's rule at the start: by name, or by an address to which both lead.
    [Theory]
    [InlineData("db.example.com", "db.example.com", true)]
    [InlineData("db.example.com", "alias.example.com", true)]
    [InlineData("db.example.com", "10.0.0.0/8", true)]
    [InlineData("db.example.com", "10.0.0.5", true)]
    [InlineData("10.0.0.5", "db.example.com", true)]
    [InlineData("db.example.com", "other.example.com", false)]
    [InlineData("db.example.com", "10.0.0.6", false)]
    [InlineData("nobody.example.com", "other.example.com", false)]
    [InlineData("db.example.com", "*.alias.example.com", false)]
    public async Task A_server_is_allowed_by_its_name_or_its_address(string server, string entry, bool allowed)
    {
        var options = new ProxyOptions
        {
            Allowlist = ProxyAllowlist.Parse([$"{entry}:5432"]),
            Resolve = (host, _) => host switch
            {
                "db.example.com" or "alias.example.com" => Task.FromResult<IPAddress[]>([IPAddress.Parse("10.0.0.5"), IPAddress.Parse("10.0.0.6")]),
                "other.example.com" => Task.FromResult<IPAddress[]>([IPAddress.Parse("10.0.0.7")]),
                _ => throw new SocketException((int)SocketError.HostNotFound),
            },
        };
        Assert.Equal(allowed, await ForwardProxy.CreateAsync(new ProxyTarget(server, 5432), options, s_ended) is not null);
        Assert.Null(await ForwardProxy.CreateAsync(new ProxyTarget(server, 5433), options, s_ended));
    }

    [Fact]
    public async Task Localhost_leads_to_this_machine()
    {
        Start(new ProxyTarget("localhost", Server.Port), new ProxyOptions
        {
            Allowlist = ProxyAllowlist.Parse([$"localhost:{Server.Port}"]),
            Resolve = (_, _) => Task.FromResult<IPAddress[]>([IPAddress.Loopback]),
        });
        using var enclave = await DialAsync();
        using var server = await _server.AcceptSocketAsync(s_ended);
    }

    [Fact]
    public async Task More_connections_than_are_allowed_wait_until_one_ends()
    {
        Start(Server, most: 2);
        using var first = await DialAsync();
        using var firstServer = await _server.AcceptSocketAsync(s_ended);
        using var second = await DialAsync();
        using var secondServer = await _server.AcceptSocketAsync(s_ended);
        using var third = await DialAsync();
        var thirdServer = _server.AcceptSocketAsync(s_ended).AsTask();
        // The two work while the third waits.
        await first.SendAsync("one"u8.ToArray(), s_ended);
        Assert.Equal(3, await firstServer.ReceiveAsync(new byte[8], s_ended));
        Assert.False(thirdServer.IsCompleted);
        firstServer.Dispose();
        Assert.Equal("", await ReadToEndAsync(first));
        first.Dispose();
        using var last = await thirdServer;
        await last.SendAsync("now"u8.ToArray(), s_ended);
        Assert.Equal(3, await third.ReceiveAsync(new byte[8], s_ended));
    }

    [Fact]
    public async Task What_the_server_does_not_take_the_enclave_cannot_send()
    {
        Start(Server);
        using var enclave = await DialAsync();
        using var server = await _server.AcceptSocketAsync(s_ended);
        enclave.Blocking = false;
        var chunk = new byte[64 * 1024];
        var sent = 0L;
        // Until nothing moves any more: buffers are full, and the proxy keeps no more than one of its own.
        for (var still = 0; still < 20;)
        {
            var count = enclave.Send(chunk, SocketFlags.None, out var error);
            still = error == SocketError.WouldBlock ? still + 1 : 0;
            sent += error == SocketError.Success ? count : 0;
            Assert.True(sent < 256L << 20, "The proxy takes without end what nobody reads.");
            if (still > 0)
            {
                await Task.Delay(10, s_ended);
            }
        }

        enclave.Shutdown(SocketShutdown.Send);
        var received = 0L;
        for (int read; (read = await server.ReceiveAsync(chunk, s_ended)) > 0;)
        {
            received += read;
        }

        Assert.Equal(sent, received);
    }

    [Fact]
    public async Task At_the_end_open_connections_may_go_on_and_new_ones_are_refused()
    {
        Start(Server, new ProxyOptions { Allowlist = ProxyAllowlist.Parse([Server.ToString()]), DrainTimeout = TimeSpan.FromMinutes(1) });
        using var enclave = await DialAsync();
        using var server = await _server.AcceptSocketAsync(s_ended);
        await _stop.CancelAsync();
        await Assert.ThrowsAnyAsync<SocketException>(async () =>
        {
            while (true)
            {
                (await DialAsync()).Dispose();
            }
        });
        await server.SendAsync("still here"u8.ToArray(), s_ended);
        server.Shutdown(SocketShutdown.Send);
        Assert.Equal("still here", await ReadToEndAsync(enclave));
        enclave.Shutdown(SocketShutdown.Send);
        await _serving;
    }

    [Fact]
    public async Task At_the_end_without_patience_connections_are_closed()
    {
        Start(Server);
        using var enclave = await DialAsync();
        using var server = await _server.AcceptSocketAsync(s_ended);
        await _stop.CancelAsync();
        await _serving;
        Assert.Equal(0, await server.ReceiveAsync(new byte[1], s_ended));
    }

    void Start(ProxyTarget target, ProxyOptions? options = null, int most = 100)
    {
        options ??= new ProxyOptions { Allowlist = ProxyAllowlist.Parse([target.ToString()]) };
        options = options with { Log = line => { lock (_log) { _log.Add(line); } } };
        _listener = VsockListener.Listen(8000, new VsockOptions
        {
            Resolvers = [VsockResolver.Fixed(VsockAddress.Any, VsockRoute.UnixSocket(Path.Combine(_folder.FullName, "v")))],
            MaxConnections = most,
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
