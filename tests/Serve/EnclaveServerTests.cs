using System.Net;
using System.Net.Sockets;
using System.Text;
using System.Text.Json;

namespace NitroEnclaves.Serve.Tests;

/// <summary>The server without enclaves: its socket, its description, and what it refuses. With enclaves the end-to-end tests have it.</summary>
public sealed class EnclaveServerTests
{
    static CancellationToken Token => TestContext.Current.CancellationToken;

    [Fact]
    public async Task The_socket_is_its_owner_s_alone_and_one_that_was_abandoned_is_replaced()
    {
        await using var served = await ServedEnclaves.StartAsync();
        Assert.Equal(UnixFileMode.UserRead | UnixFileMode.UserWrite, File.GetUnixFileMode(served.SocketPath));
        var options = new EnclaveServerOptions { SocketPath = served.SocketPath, Registry = served.Registry, Launcher = new("/bin/false") };
        var refusal = await Assert.ThrowsAsync<IOException>(() => EnclaveServer.StartAsync(options, Token));
        Assert.Contains("Somebody serves at", refusal.Message, StringComparison.Ordinal);

        var abandoned = Path.Combine(served.FolderPath, "abandoned.sock");
        using (var socket = new Socket(AddressFamily.Unix, SocketType.Stream, ProtocolType.Unspecified))
        {
            socket.Bind(new UnixDomainSocketEndPoint(abandoned));
            // Closing it without the runtime's clean-up is what a killed server does.
            File.Move(abandoned, abandoned + ".kept");
        }

        File.Move(abandoned + ".kept", abandoned);
        await using (await EnclaveServer.StartAsync(
            new EnclaveServerOptions { SocketPath = abandoned, Registry = served.Registry, Launcher = new("/bin/false") }, Token))
        {
            Assert.True(File.Exists(abandoned));
        }
    }

    [Fact]
    public async Task Every_operation_is_described_and_every_description_is_one()
    {
        await using var served = await ServedEnclaves.StartAsync();
        var description = await served.GetAsync("/openapi.json");
        Assert.Equal("3.1.0", description.GetProperty("openapi").GetString());
        string[] described =
        [
            .. from path in description.GetProperty("paths").EnumerateObject()
               from operation in path.Value.EnumerateObject()
               where operation.Name != "parameters"
               select $"{operation.Name.ToUpperInvariant()} {path.Name}",
        ];
        Assert.Equal(EnclaveEndpoints.All(served.Endpoints).Order(), described.Order());

        // The properties of a request, and no others.
        var request = description.GetProperty("components").GetProperty("schemas").GetProperty("RunRequest").GetProperty("properties");
        Assert.Equal(
            ServeJson.Default.RunRequest.Properties.Select(property => property.Name).Order(), request.EnumerateObject().Select(property => property.Name).Order());
    }

    [Theory]
    [InlineData("GET", "/v1/enclaves/none", null, 404, "NoSuchEnclave", "E11")]
    [InlineData("DELETE", "/v1/enclaves/none", null, 404, "NoSuchEnclave", "E11")]
    [InlineData("GET", "/v1/enclaves/none/console", null, 404, "NoSuchEnclave", "E11")]
    [InlineData("GET", "/nothing", null, 404, "NoSuchOperation", null)]
    [InlineData("PUT", "/v1/enclaves", "{}", 405, "NoSuchOperation", null)]
    [InlineData("POST", "/v1/enclaves", "", 400, "Malformed", null)]
    [InlineData("POST", "/v1/enclaves", "null", 400, "Malformed", null)]
    [InlineData("POST", "/v1/enclaves", "{}", 400, "Malformed", null)]
    [InlineData("POST", "/v1/enclaves", """{"eifPath":null,"memoryMiB":64}""", 400, "Malformed", null)]
    [InlineData("POST", "/v1/enclaves", """{"eifPath":"/a.eif","memoryMiB":64,"memory":64}""", 400, "Malformed", null)]
    [InlineData("POST", "/v1/enclaves", """{"eifPath":"/a.eif","memoryMiB":64,"memoryMiB":65}""", 400, "Malformed", null)]
    [InlineData("POST", "/v1/enclaves", """{"eifPath":"\ud800","memoryMiB":64}""", 400, "Malformed", null)]
    [InlineData("POST", "/v1/enclaves", """{"eifPath":"a.eif","memoryMiB":64}""", 400, "InvalidArgument", "E03")]
    [InlineData("POST", "/v1/enclaves", """{"eifPath":"/a.eif","memoryMiB":64,"engine":"2"}""", 400, "InvalidArgument", "E03")]
    public async Task What_cannot_be_done_is_a_problem(string method, string path, string? body, int status, string title, string? code)
    {
        await using var served = await ServedEnclaves.StartAsync();
        using var request = new HttpRequestMessage(new HttpMethod(method), path);
        request.Content = body is null ? null : new StringContent(body, Encoding.UTF8, "application/json");
        using var response = await served.Http.SendAsync(request, Token);
        Assert.Equal((HttpStatusCode)status, response.StatusCode);
        Assert.Equal("application/problem+json", response.Content.Headers.ContentType?.MediaType);
        var problem = JsonSerializer.Deserialize(await response.Content.ReadAsStringAsync(Token), ServeJson.Default.Problem)!;
        Assert.Equal((status, title, code), (problem.Status, problem.Title, problem.Code));
        Assert.NotEmpty(problem.Detail);
    }

    [Fact]
    public async Task A_request_above_64_KiB_is_not_read()
    {
        await using var served = await ServedEnclaves.StartAsync();
        using var response = await served.Http.PostAsync("/v1/enclaves", new ByteArrayContent(new byte[65537]), Token);
        Assert.Equal(HttpStatusCode.RequestEntityTooLarge, response.StatusCode);
    }

    [Fact]
    public async Task Without_enclaves_there_are_none()
    {
        await using var served = await ServedEnclaves.StartAsync();
        Assert.Equal(0, (await served.GetAsync("/v1/enclaves")).GetArrayLength());
        using var metrics = await served.Http.GetAsync("/metrics", Token);
        Assert.Equal(PrometheusText.ContentType, metrics.Content.Headers.ContentType?.ToString());
        Assert.Contains("# TYPE nitro_enclave_starts_total counter\n", await metrics.Content.ReadAsStringAsync(Token), StringComparison.Ordinal);
    }
}
