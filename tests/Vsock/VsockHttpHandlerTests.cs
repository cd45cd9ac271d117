using System.Net;
using System.Net.Sockets;
using System.Text;

namespace NitroEnclaves.Vsock.Tests;

public sealed class VsockHttpHandlerTests : IDisposable
{
    static readonly CancellationToken Ended = TestContext.Current.CancellationToken;
    readonly EmulatedEnclave _enclave = new();

    public void Dispose() => _enclave.Dispose();

    HttpClient Client() => new(new VsockHttpHandler(new VsockConnector(_enclave.Options)));

    [Theory]
    [InlineData("vsock://16:8080/a?b=1", 8080)]
    [InlineData("http://16.vsock:8080/a?b=1", 8080)]
    [InlineData("http://16.VSOCK/a?b=1", 80)]
    [InlineData("http://70000.16.vsock/a?b=1", 70000)]
    public async Task Requests_go_to_the_port_of_the_address(string address, int port)
    {
        using var client = Client();
        var response = client.GetStringAsync(new Uri(address), Ended);
        var (device, line) = await _enclave.AcceptAsync();
        Assert.Equal($"CONNECT {port}", line);
        await device.SendAsync("OK 1\n"u8.ToArray());
        var request = await AnswerAsync(device, "hello");
        Assert.StartsWith("GET /a?b=1 HTTP/1.1\r\n", request, StringComparison.Ordinal);
        Assert.Equal("hello", await response);
        device.Dispose();
    }

    [Fact]
    public async Task A_base_address_may_be_one_of_vsock_and_connections_are_reused()
    {
        using var client = Client();
        client.BaseAddress = new Uri("vsock://16:8080/api/");
        var first = client.GetStringAsync("one", Ended);
        var (device, _) = await _enclave.AcceptAsync();
        await device.SendAsync("OK 1\n"u8.ToArray());
        Assert.Contains("GET /api/one ", await AnswerAsync(device, "1"), StringComparison.Ordinal);
        Assert.Equal("1", await first);

        var second = client.GetStringAsync("two", Ended);
        Assert.Contains("GET /api/two ", await AnswerAsync(device, "2"), StringComparison.Ordinal);
        Assert.Equal("2", await second);
        device.Dispose();
    }

    [Theory]
    [InlineData("http://localhost/")]
    [InlineData("http://16/")]
    [InlineData("http://vsock/")]
    [InlineData("http://x.vsock/")]
    [InlineData("http://x.16.vsock/")]
    [InlineData("http://1.2.3.vsock/")]
    [InlineData("http://4294967296.vsock/")]
    public async Task Other_hosts_are_never_reached(string address)
    {
        using var client = Client();
        var exception = await Assert.ThrowsAsync<HttpRequestException>(() => client.GetStringAsync(new Uri(address), Ended));
        Assert.Equal(VsockError.Unreachable, Assert.IsType<VsockException>(exception.InnerException).Error);
    }

    [Fact]
    public void The_parent_has_a_name() => Assert.Equal(new VsockEndPoint(3, 8000), VsockHost.Parse(new DnsEndPoint("parent.vsock", 8000)));

    static async Task<string> AnswerAsync(Socket device, string body)
    {
        var request = new StringBuilder();
        var buffer = new byte[4096];
        while (!request.ToString().EndsWith("\r\n\r\n", StringComparison.Ordinal))
        {
            request.Append(Encoding.ASCII.GetString(buffer, 0, await device.ReceiveAsync(buffer)));
        }

        await device.SendAsync(Encoding.ASCII.GetBytes($"HTTP/1.1 200 OK\r\nContent-Length: {body.Length}\r\n\r\n{body}"));
        return request.ToString();
    }
}
