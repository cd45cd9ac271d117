using System.Net;
using System.Security.Cryptography;
using System.Security.Cryptography.X509Certificates;
using Microsoft.AspNetCore.Builder;
using Microsoft.AspNetCore.Connections;
using Microsoft.AspNetCore.Hosting;
using Microsoft.AspNetCore.Http;
using Microsoft.AspNetCore.Server.Kestrel.Core;
using Microsoft.Extensions.Logging;

namespace NitroEnclaves.Vsock.AspNetCore.Tests;

public sealed class VsockTransportTests
{
    static readonly CancellationToken Ended = TestContext.Current.CancellationToken;
    static readonly Uri Address = new("http://service.test/");

    [Fact]
    public async Task Requests_are_served_and_know_where_they_come_from()
    {
        await using var server = await VsockServer.StartAsync(application => application.MapGet("/", (HttpContext context) =>
        {
            var feature = context.Features.Get<IVsockConnectionFeature>()!;
            return $"{feature.RemoteEndPoint} {feature.LocalEndPoint}";
        }));
        using var client = server.Client();
        Assert.Equal("vsock://16:1234 vsock://4294967295:8080", await client.GetStringAsync(Address, Ended));
    }

    [Fact]
    public async Task A_connection_is_kept_alive()
    {
        await using var server = await VsockServer.StartAsync(application => application.MapGet("/", (HttpContext context) => context.Connection.Id));
        using var client = server.Client();
        var first = await client.GetStringAsync(Address, Ended);
        Assert.Equal(first, await client.GetStringAsync(Address, Ended));
    }

    [Fact]
    public async Task Large_bodies_stream_both_ways_in_chunks()
    {
        var data = new byte[10_000_000];
        new Random(1).NextBytes(data);
        await using var server = await VsockServer.StartAsync(application =>
        {
            application.MapPost("/", async (HttpContext context) =>
                await context.Response.WriteAsync(Convert.ToHexString(await SHA256.HashDataAsync(context.Request.Body, context.RequestAborted))));
            application.MapGet("/", async (HttpContext context) => await context.Response.Body.WriteAsync(data, context.RequestAborted));
        });
        using var client = server.Client();
        using var request = new HttpRequestMessage(HttpMethod.Post, Address) { Content = new StreamContent(new MemoryStream(data)) };
        request.Headers.TransferEncodingChunked = true;
        using var sent = await client.SendAsync(request, Ended);
        Assert.Equal(Convert.ToHexString(SHA256.HashData(data)), await sent.Content.ReadAsStringAsync(Ended));

        using var received = await client.GetAsync(Address, HttpCompletionOption.ResponseHeadersRead, Ended);
        Assert.True(received.Headers.TransferEncodingChunked);
        Assert.Equal(SHA256.HashData(data), await SHA256.HashDataAsync(await received.Content.ReadAsStreamAsync(Ended), Ended));
    }

    [Fact]
    public async Task Http2_without_tls()
    {
        await using var server = await VsockServer.StartAsync(
            application => application.MapGet("/", (HttpContext context) => context.Request.Protocol), listen: listen => listen.Protocols = HttpProtocols.Http2);
        using var client = server.Client();
        client.DefaultRequestVersion = HttpVersion.Version20;
        client.DefaultVersionPolicy = HttpVersionPolicy.RequestVersionExact;
        var answers = await Task.WhenAll(Enumerable.Range(0, 50).Select(_ => client.GetStringAsync(Address, Ended)));
        Assert.All(answers, answer => Assert.Equal("HTTP/2", answer));
    }

    [Fact]
    public async Task Tls_with_http2()
    {
        using var key = ECDsa.Create(ECCurve.NamedCurves.nistP256);
        using var certificate = new CertificateRequest("CN=service.test", key, HashAlgorithmName.SHA256)
            .CreateSelfSigned(DateTimeOffset.UtcNow.AddDays(-1), DateTimeOffset.UtcNow.AddDays(1));
        await using var server = await VsockServer.StartAsync(
            application => application.MapGet("/", (HttpContext context) => $"{context.Request.Protocol} {context.Request.IsHttps}"),
            listen: listen => listen.UseHttps(certificate));
        using var client = server.Client();
        client.DefaultRequestVersion = HttpVersion.Version20;
        Assert.Equal("HTTP/2 True", await client.GetStringAsync(new Uri("https://service.test/"), Ended));
    }

    [Fact]
    public async Task WebSockets_go_over_it()
    {
        await using var server = await VsockServer.StartAsync(application =>
        {
            application.UseWebSockets();
            application.Map("/", async (HttpContext context) =>
            {
                using var socket = await context.WebSockets.AcceptWebSocketAsync();
                var buffer = new byte[100];
                var message = await socket.ReceiveAsync(buffer, context.RequestAborted);
                await socket.SendAsync(buffer.AsMemory(0, message.Count), message.MessageType, endOfMessage: true, context.RequestAborted);
                await socket.CloseAsync(System.Net.WebSockets.WebSocketCloseStatus.NormalClosure, null, context.RequestAborted);
            });
        });
        using var client = new System.Net.WebSockets.ClientWebSocket();
        using var invoker = server.Client();
        await client.ConnectAsync(new Uri("ws://service.test/"), invoker, Ended);
        await client.SendAsync("hello"u8.ToArray(), System.Net.WebSockets.WebSocketMessageType.Text, endOfMessage: true, Ended);
        var answer = new byte[100];
        Assert.Equal(5, (await client.ReceiveAsync(answer.AsMemory(), Ended)).Count);
        Assert.Equal("hello"u8, answer.AsSpan(0, 5));
    }

    [Fact]
    public async Task A_client_that_leaves_aborts_its_request()
    {
        var aborted = new TaskCompletionSource(TaskCreationOptions.RunContinuationsAsynchronously);
        await using var server = await VsockServer.StartAsync(application => application.MapGet("/", async (HttpContext context) =>
        {
            using var registration = context.RequestAborted.Register(aborted.SetResult);
            await Task.Delay(Timeout.Infinite, context.RequestAborted);
        }));
        using var socket = await server.DialAsync(Ended);
        await socket.SendAsync("GET / HTTP/1.1\r\nHost: x\r\n\r\n"u8.ToArray());
        await Task.Delay(50, Ended);
        socket.Dispose();
        await aborted.Task.WaitAsync(TimeSpan.FromSeconds(15), Ended);
    }

    [Fact]
    public async Task A_graceful_stop_finishes_the_request_and_ends_the_accepts()
    {
        var entered = new TaskCompletionSource(TaskCreationOptions.RunContinuationsAsynchronously);
        var leave = new TaskCompletionSource(TaskCreationOptions.RunContinuationsAsynchronously);
        await using var server = await VsockServer.StartAsync(application => application.MapGet("/", async () =>
        {
            entered.SetResult();
            await leave.Task;
            return "done";
        }));
        using var client = server.Client();
        var response = client.GetStringAsync(Address, Ended);
        await entered.Task;
        var stopping = server.StopAsync(Ended);
        leave.SetResult();
        Assert.Equal("done", await response);
        await stopping;
        await Assert.ThrowsAnyAsync<System.Net.Sockets.SocketException>(() => server.DialAsync(Ended));
    }

    [Fact]
    public async Task Open_connections_are_bounded_and_places_come_back()
    {
        await using var server = await VsockServer.StartAsync(
            application => application.MapGet("/", () => "served"), options: VsockOptions.Default with { MaxConnections = 1 });
        for (var round = 0; round < 3; round++)
        {
            using var first = server.Client();
            Assert.Equal("served", await first.GetStringAsync(Address, Ended));
            using var second = server.Client();
            var waiting = second.GetStringAsync(Address, Ended);
            await Task.Delay(30, Ended);
            Assert.False(waiting.IsCompleted);
            first.Dispose();
            Assert.Equal("served", await waiting);
        }
    }

    [Fact]
    public async Task Vsock_and_tcp_are_served_side_by_side()
    {
        await using var server = await VsockServer.StartAsync(
            application => application.MapGet("/", (HttpContext context) => context.Features.Get<IVsockConnectionFeature>() is null ? "tcp" : "vsock"),
            kestrel => kestrel.Listen(IPAddress.Loopback, 0));
        using var client = server.Client();
        Assert.Equal("vsock", await client.GetStringAsync(Address, Ended));
    }

    [Fact]
    public async Task A_port_in_use_is_told_as_kestrel_does()
    {
        var folder = Directory.CreateTempSubdirectory("kestrel-");
        var options = new VsockOptions { Resolvers = [VsockResolver.Fixed(VsockAddress.Any, VsockRoute.UnixSocket(Path.Combine(folder.FullName, "v")))] };
        await using var listener = VsockListener.Listen(8080, options);
        var builder = WebApplication.CreateSlimBuilder();
        builder.Logging.ClearProviders();
        builder.WebHost.UseVsock(transport => transport.Vsock = options).ConfigureKestrel(kestrel => kestrel.ListenVsock(8080));
        await using var application = builder.Build();
        var exception = await Assert.ThrowsAsync<IOException>(() => application.StartAsync(Ended));
        Assert.IsType<AddressInUseException>(exception.InnerException);
        await listener.DisposeAsync();
        folder.Delete(recursive: true);
    }
}
