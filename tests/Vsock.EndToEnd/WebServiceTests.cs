using System.Net;
using System.Net.WebSockets;
using System.Security.Cryptography;
using System.Text;
using NitroEnclaves.Vsock;

namespace NitroEnclaves.Enclaves.Tests;

/// <summary>Kestrel in a guest on Linux's own vsock, and HttpClient on the parent: what web services do with connections.</summary>
public sealed class WebServiceTests(DotnetGuest dotnet) : IClassFixture<DotnetGuest>
{
    // Each start of .NET takes emulation a while; the long run sees that the port is free again.
    static readonly int s_restarts = Environment.GetEnvironmentVariable("VSOCK_LONG") == "1" ? 2 : 1;
    static readonly CancellationToken Ended = TestContext.Current.CancellationToken;

    LinuxGuest Guest => dotnet.Guest;

    [Fact(Timeout = 240_000)]
    public async Task A_connection_is_kept_and_knows_its_addresses()
    {
        using var client = await ClientAsync(DotnetGuest.ServicePort);
        var first = await client.GetStringAsync(Address(), Ended);
        Assert.EndsWith($" 3 vsock://{VsockAddress.Any}:{DotnetGuest.ServicePort} HTTP/1.1 http", first, StringComparison.Ordinal);
        for (var round = 0; round < 20; round++)
        {
            Assert.Equal(first, await client.GetStringAsync(Address(), Ended));
        }
    }

    [Fact(Timeout = 240_000)]
    public async Task Bodies_go_both_ways_in_chunks()
    {
        using var client = await ClientAsync(DotnetGuest.ServicePort);
        var data = new byte[4_000_000];
        new Random(7).NextBytes(data);
        using var request = new HttpRequestMessage(HttpMethod.Post, Address("hash")) { Content = new StreamContent(new MemoryStream(data)) };
        request.Headers.TransferEncodingChunked = true;
        using var sent = await client.SendAsync(request, Ended);
        Assert.True(sent.IsSuccessStatusCode, $"{sent.StatusCode}: {await sent.Content.ReadAsStringAsync(Ended)}");
        Assert.Equal(Convert.ToHexString(SHA256.HashData(data)), await sent.Content.ReadAsStringAsync(Ended));
        using var received = await client.GetAsync(Address($"bytes/7/{data.Length}"), HttpCompletionOption.ResponseHeadersRead, Ended);
        Assert.True(received.Headers.TransferEncodingChunked);
        Assert.Equal(data, await received.Content.ReadAsByteArrayAsync(Ended));
    }

    [Fact(Timeout = 240_000)]
    public async Task Http2_carries_many_requests_on_one_connection()
    {
        using var client = await ClientAsync(DotnetGuest.ServicePort + 1, HttpVersion.Version20);
        var answers = await Task.WhenAll(Enumerable.Range(0, 50).Select(_ => client.GetStringAsync(Address(port: DotnetGuest.ServicePort + 1), Ended)));
        Assert.Single(answers.Distinct());
        Assert.EndsWith("HTTP/2 http", answers[0], StringComparison.Ordinal);
    }

    [Fact(Timeout = 240_000)]
    public async Task Tls_ends_in_the_guest()
    {
        using var client = await ClientAsync(DotnetGuest.ServicePort + 2, HttpVersion.Version20);
        var answer = await client.GetStringAsync(new Uri($"https://{LinuxGuest.Cid}.vsock:{DotnetGuest.ServicePort + 2}/"), Ended);
        Assert.EndsWith("HTTP/2 https", answer, StringComparison.Ordinal);
    }

    [Fact(Timeout = 240_000)]
    public async Task WebSockets_echo_messages_until_they_are_closed()
    {
        using var client = await ClientAsync(DotnetGuest.ServicePort);
        using var socket = new ClientWebSocket();
        await socket.ConnectAsync(new Uri($"ws://{LinuxGuest.Cid}.vsock:{DotnetGuest.ServicePort}/socket"), client, Ended);
        var buffer = new byte[64 * 1024];
        foreach (var length in new[] { 1, 125, 126, 60_000 })
        {
            var message = RandomNumberGenerator.GetBytes(length);
            await socket.SendAsync(message, WebSocketMessageType.Binary, endOfMessage: true, Ended);
            var received = 0;
            while (received < length)
            {
                received += (await socket.ReceiveAsync(buffer.AsMemory(received), Ended)).Count;
            }

            Assert.Equal(message, buffer[..length]);
        }

        await socket.CloseAsync(WebSocketCloseStatus.NormalClosure, null, Ended);
        Assert.Equal(WebSocketState.Closed, socket.State);
    }

    [Fact(Timeout = 240_000)]
    public async Task An_upgraded_connection_is_a_stream_with_two_directions()
    {
        await using var connection = await Guest.ConnectAsync(DotnetGuest.ServicePort);
        await connection.Stream.WriteAsync("GET /upgrade HTTP/1.1\r\nHost: x\r\nConnection: Upgrade\r\nUpgrade: echo\r\n\r\n"u8.ToArray(), Ended);
        var head = await ReadThroughAsync(connection, "\r\n\r\n");
        Assert.StartsWith("HTTP/1.1 101 Switching Protocols\r\n", head, StringComparison.Ordinal);
        await connection.Stream.WriteAsync("raw bytes."u8.ToArray(), Ended);
        Assert.Equal("raw bytes.", await ReadThroughAsync(connection, "."));
        connection.CompleteWrites();
        Assert.Equal(0, await connection.Stream.ReadAtLeastAsync(new byte[1], 1, throwOnEndOfStream: false, Ended));
    }

    [Fact(Timeout = 240_000)]
    public async Task A_client_that_gives_up_or_leaves_aborts_its_request()
    {
        using var client = await ClientAsync(DotnetGuest.ServicePort);
        using (var cancellation = new CancellationTokenSource())
        {
            // Headers have come: the request is in the guest's hands.
            using var response = await client.GetAsync(Address("wait"), HttpCompletionOption.ResponseHeadersRead, Ended);
            var reading = response.Content.ReadAsByteArrayAsync(cancellation.Token);
            await cancellation.CancelAsync();
            await Assert.ThrowsAnyAsync<OperationCanceledException>(() => reading);
        }

        await HasAbortedAsync(client, 1);
        await using (var connection = await Guest.ConnectAsync(DotnetGuest.ServicePort))
        {
            await connection.Stream.WriteAsync("GET /wait HTTP/1.1\r\nHost: x\r\n\r\n"u8.ToArray(), Ended);
            await ReadThroughAsync(connection, "\r\n\r\n");
        }

        await HasAbortedAsync(client, 2);
    }

    [Fact(Timeout = 240_000)]
    public async Task A_graceful_stop_answers_what_was_asked_and_frees_the_port()
    {
        const uint port = 8090;
        for (var round = 0; round < s_restarts; round++)
        {
            var program = await Guest.StartProgramAsync($"{DotnetGuest.Program} kestrel {port}");
            using var client = await ClientAsync(port);
            Assert.Equal("answered while stopping", await client.GetStringAsync(Address("stop", port), Ended));
            Assert.Equal("", await Guest.FinishAsync(program));
            var exception = await Assert.ThrowsAsync<VsockException>(async () => await new VsockConnector(Guest.UnixOptions).ConnectAsync(LinuxGuest.Cid, port, Ended));
            Assert.Equal(VsockError.ConnectionRefused, exception.Error);
        }
    }

    /// <summary>AF_VSOCK of a host behind the device: forward-cid and forward-listen, with vsock_loopback as the host's vsock.</summary>
    [Fact(Timeout = 240_000)]
    public async Task The_device_leads_to_a_machines_own_vsock_and_from_it() =>
        Assert.Equal("forwarded|", await Guest.RunAsync($"{DotnetGuest.Program} forward"));

    static Uri Address(string path = "", uint port = DotnetGuest.ServicePort) => new($"http://{LinuxGuest.Cid}.vsock:{port}/{path}");

    static async Task HasAbortedAsync(HttpClient client, int count)
    {
        while (int.Parse(await client.GetStringAsync(Address("aborted"), Ended)) < count)
        {
            await Task.Delay(50, Ended);
        }
    }

    static async Task<string> ReadThroughAsync(VsockConnection connection, string end)
    {
        var text = new StringBuilder();
        var one = new byte[1];
        while (!text.ToString().EndsWith(end, StringComparison.Ordinal))
        {
            await connection.Stream.ReadExactlyAsync(one, Ended);
            text.Append((char)one[0]);
        }

        return text.ToString();
    }

    async Task<HttpClient> ClientAsync(uint port, Version? version = null)
    {
        await (await Guest.ConnectAsync(port)).DisposeAsync();
        var handler = VsockHttpHandler.CreateSocketsHandler(new VsockConnector(Guest.UnixOptions));
        handler.SslOptions.RemoteCertificateValidationCallback = static (_, certificate, _, _) => certificate?.Subject == "CN=service.test";
        return new HttpClient(handler) { DefaultRequestVersion = version ?? HttpVersion.Version11, DefaultVersionPolicy = HttpVersionPolicy.RequestVersionExact };
    }
}
