using System.Net;
using System.Net.Security;
using System.Net.Sockets;
using System.Security.Authentication;
using System.Security.Cryptography;
using System.Security.Cryptography.X509Certificates;
using System.Text;
using NitroEnclaves.Vsock;

namespace NitroEnclaves.Proxy.Tests;

/// <summary>An enclave's way out, from end to end: its HttpClient, the proxy on the parent, and a server with TLS.</summary>
public sealed class ConnectProxyTests : IAsyncDisposable
{
    static readonly CancellationToken Ended = TestContext.Current.CancellationToken;
    readonly DirectoryInfo _folder = Directory.CreateTempSubdirectory("proxy-");
    readonly CancellationTokenSource _stop = new();
    readonly TcpListener _server = new(IPAddress.Loopback, 0);
    readonly List<string> _log = [];
    VsockListener? _listener;
    Task? _serving;

    public ConnectProxyTests() => _server.Start();

    int Port => ((IPEndPoint)_server.LocalEndpoint).Port;

    public async ValueTask DisposeAsync()
    {
        await _stop.CancelAsync();
        if (_serving is not null)
        {
            await _serving;
        }

        _listener?.Dispose();
        _server.Dispose();
        _folder.Delete(recursive: true);
    }

    [Fact]
    public async Task A_client_speaks_tls_with_the_server_itself()
    {
        using var certificate = MakeCertificate();
        var serving = AnswerOverTlsAsync(certificate);
        using var client = new HttpClient(WithTrustIn(Start($"127.0.0.1:{Port}").CreateHandler(), certificate));
        Assert.Equal("hello", await client.GetStringAsync(new Uri($"https://127.0.0.1:{Port}/"), Ended));
        await serving;
    }

    [Fact]
    public async Task The_clients_own_check_of_the_certificate_holds()
    {
        using var certificate = MakeCertificate();
        var serving = AnswerOverTlsAsync(certificate);
        using var client = new HttpClient(Start($"127.0.0.1:{Port}").CreateHandler());
        var failure = await Assert.ThrowsAsync<HttpRequestException>(() => client.GetStringAsync(new Uri($"https://127.0.0.1:{Port}/"), Ended));
        Assert.IsType<AuthenticationException>(failure.InnerException);
        await Assert.ThrowsAnyAsync<Exception>(() => serving);
    }

    [Fact]
    public async Task What_is_not_on_the_list_is_refused_before_anything_is_resolved()
    {
        var resolved = false;
        var proxy = Start("other.example", options => options with { Resolve = (_, _) => { resolved = true; return Task.FromResult(Array.Empty<IPAddress>()); } });
        var failure = await Assert.ThrowsAsync<VsockException>(async () => await proxy.ConnectAsync("name.example", 443, Ended));
        Assert.Equal(VsockError.ProxyRefused, failure.Error);
        Assert.Contains("403", failure.Message, StringComparison.Ordinal);
        Assert.False(resolved);
    }

    [Fact]
    public async Task A_name_is_resolved_on_the_parent_and_not_followed_to_itself()
    {
        var proxy = Start($"name.example:{Port}", options => options with { Resolve = (_, _) => Task.FromResult(new[] { IPAddress.Loopback }) });
        var failure = await Assert.ThrowsAsync<VsockException>(async () => await proxy.ConnectAsync("name.example", Port, Ended));
        Assert.Equal(VsockError.Unreachable, failure.Error);
        Assert.False(_server.Pending());
    }

    [Fact]
    public async Task A_server_that_does_not_answer_is_unreachable()
    {
        var port = Port;
        _server.Stop();
        var failure = await Assert.ThrowsAsync<VsockException>(async () => await Start($"127.0.0.1:{port}").ConnectAsync("127.0.0.1", port, Ended));
        Assert.Equal(VsockError.Unreachable, failure.Error);
    }

    [Fact]
    public async Task Each_direction_ends_on_its_own()
    {
        var accepting = _server.AcceptSocketAsync(Ended).AsTask();
        using var connection = await Start($"127.0.0.1:{Port}").ConnectAsync("127.0.0.1", Port, Ended);
        using var server = await accepting;
        await connection.Stream.WriteAsync("question"u8.ToArray(), Ended);
        connection.CompleteWrites();
        using var stream = new NetworkStream(server, ownsSocket: false);
        Assert.Equal("question", await ReadToEndAsync(stream));
        await stream.WriteAsync("answer"u8.ToArray(), Ended);
        server.Shutdown(SocketShutdown.Send);
        Assert.Equal("answer", await ReadToEndAsync(connection.Stream));
    }

    [Fact]
    public async Task A_server_may_speak_first()
    {
        var greeting = Task.Run(
            async () =>
            {
                using var server = await _server.AcceptSocketAsync(Ended);
                await server.SendAsync("220 ready"u8.ToArray());
            },
            Ended);
        using var connection = await Start($"127.0.0.1:{Port}").ConnectAsync("127.0.0.1", Port, Ended);
        Assert.Equal("220 ready", await ReadToEndAsync(connection.Stream));
        await greeting;
    }

    [Fact]
    public async Task A_connection_that_rests_is_given_up()
    {
        var accepting = _server.AcceptSocketAsync(Ended).AsTask();
        using var connection = await Start($"127.0.0.1:{Port}", options => options with { IdleTimeout = TimeSpan.FromMilliseconds(200) })
            .ConnectAsync("127.0.0.1", Port, Ended);
        using var server = await accepting;
        Assert.Equal(0, await connection.Stream.ReadAsync(new byte[1], Ended));
    }

    [Theory]
    [InlineData("GET http://name.example/ HTTP/1.1\r\n\r\n", "HTTP/1.1 405 ")]
    [InlineData("CONNECT name.example HTTP/1.1\r\n\r\n", "HTTP/1.1 400 ")]
    [InlineData("CONNECT name.example:443\r\n\r\n", "HTTP/1.1 400 ")]
    [InlineData("\r\n\r\n", "HTTP/1.1 400 ")]
    public async Task What_is_no_request_is_answered_and_closed(string request, string answer)
    {
        Start("name.example");
        using var connection = await DialAsync();
        await connection.Stream.WriteAsync(Encoding.ASCII.GetBytes(request), Ended);
        Assert.StartsWith(answer, await ReadToEndAsync(connection.Stream), StringComparison.Ordinal);
    }

    [Fact]
    public async Task A_request_without_end_is_refused()
    {
        Start("name.example");
        using var connection = await DialAsync();
        await connection.Stream.WriteAsync(new byte[ConnectRequest.MaxLength], Ended);
        Assert.StartsWith("HTTP/1.1 431 ", await ReadToEndAsync(connection.Stream), StringComparison.Ordinal);
    }

    [Fact]
    public async Task A_client_that_says_nothing_is_given_up_and_holds_nobody_up()
    {
        var proxy = Start($"127.0.0.1:{Port}", options => options with { RequestTimeout = TimeSpan.FromMilliseconds(300) });
        using var silent = await DialAsync();
        using var other = await proxy.ConnectAsync("127.0.0.1", Port, Ended);
        Assert.Equal(0, await silent.Stream.ReadAsync(new byte[1], Ended));
    }

    [Theory]
    [InlineData("a b")]
    [InlineData("a\r\nX: y")]
    public async Task A_host_that_is_none_is_never_sent(string host) =>
        await Assert.ThrowsAsync<ArgumentException>(async () => await new OutboundProxy().ConnectAsync(host, 443, Ended));

    VsockRoute Route => VsockRoute.UnixSocket(Path.Combine(_folder.FullName, "v"));

    OutboundProxy Start(string allowed, Func<ConnectProxyOptions, ConnectProxyOptions>? change = null)
    {
        var options = new ConnectProxyOptions { Allowlist = ProxyAllowlist.Parse([allowed]), Log = line => { lock (_log) { _log.Add(line); } } };
        _listener = VsockListener.Listen(OutboundProxy.DefaultPort, new VsockOptions { Resolvers = [VsockResolver.Fixed(VsockAddress.Any, Route)] });
        _serving = new ConnectProxy(change?.Invoke(options) ?? options).ServeAsync(_listener, _stop.Token);
        return new OutboundProxy(_ => DialAsync());
    }

    // As an emulated enclave's device: straight to the listener's socket.
    async ValueTask<VsockConnection> DialAsync()
    {
        var socket = new Socket(AddressFamily.Unix, SocketType.Stream, ProtocolType.Unspecified);
        await socket.ConnectAsync(new UnixDomainSocketEndPoint(Path.Combine(_folder.FullName, $"v_{OutboundProxy.DefaultPort}")), Ended);
        return new VsockConnection(socket, new VsockEndPoint(16, 1024), new VsockEndPoint(VsockAddress.NitroParent, OutboundProxy.DefaultPort));
    }

    static SocketsHttpHandler WithTrustIn(SocketsHttpHandler handler, X509Certificate2 certificate)
    {
        handler.SslOptions.RemoteCertificateValidationCallback = (_, presented, _, _) => presented?.GetCertHashString() == certificate.GetCertHashString();
        return handler;
    }

    async Task AnswerOverTlsAsync(X509Certificate2 certificate)
    {
        using var socket = await _server.AcceptSocketAsync(Ended);
        await using var tls = new SslStream(new NetworkStream(socket));
        await tls.AuthenticateAsServerAsync(new SslServerAuthenticationOptions { ServerCertificate = certificate }, Ended);
        var buffer = new byte[4096];
        for (var length = 0; !Encoding.ASCII.GetString(buffer, 0, length).EndsWith("\r\n\r\n", StringComparison.Ordinal);)
        {
            length += await tls.ReadAtLeastAsync(buffer.AsMemory(length), 1, cancellationToken: Ended);
        }

        await tls.WriteAsync("HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nhello"u8.ToArray(), Ended);
    }

    static X509Certificate2 MakeCertificate()
    {
        using var key = ECDsa.Create(ECCurve.NamedCurves.nistP256);
        var request = new CertificateRequest("CN=server", key, HashAlgorithmName.SHA256);
        return request.CreateSelfSigned(DateTimeOffset.UtcNow.AddDays(-1), DateTimeOffset.UtcNow.AddDays(1));
    }

    static async Task<string> ReadToEndAsync(Stream stream)
    {
        using var text = new StreamReader(stream, Encoding.ASCII, leaveOpen: true);
        return await text.ReadToEndAsync(Ended);
    }
}
