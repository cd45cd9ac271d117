using System.Collections.Concurrent;
using System.Diagnostics;
using System.Net;
using System.Net.Sockets;
using System.Text;
using System.Text.Json;
using System.Text.Json.Serialization;
using NitroEnclaves.Enclaves;
using NitroEnclaves.Tests;

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

        Assert.False(File.Exists(abandoned));
    }

    [Fact]
    public async Task A_client_is_answered_whatever_its_name_is()
    {
        await using var served = await ServedEnclaves.StartAsync();
        using var client = new Socket(AddressFamily.Unix, SocketType.Stream, ProtocolType.Unspecified);
        client.Bind(new UnixDomainSocketEndPoint($"\0{new string('c', served.SocketPath.Length)}{Environment.ProcessId}"));
        await client.ConnectAsync(new UnixDomainSocketEndPoint(served.SocketPath), Token);
        await client.SendAsync("GET /openapi.json HTTP/1.1\r\nHost: nitro\r\n\r\n"u8.ToArray(), Token);
        var answer = new byte[15];
        Assert.Equal(answer.Length, await client.ReceiveAsync(answer, Token));
        Assert.Equal("HTTP/1.1 200 OK", Encoding.ASCII.GetString(answer));
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
    [InlineData("GET", "/v1/enclaves/none/end", null, 404, "NoSuchEnclave", "E11")]
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
        var schema = new ApiSchema(await served.GetAsync("/openapi.json"));
        using var text = JsonDocument.Parse(await response.Content.ReadAsStringAsync(Token));
        Assert.Empty(schema.Faults("Problem", text.RootElement));
    }

    // What the server gives out, by its own types: no member is described that is not there, and none is there that is not described.
    [Fact]
    public async Task The_schemas_have_the_members_of_the_answers()
    {
        await using var served = await ServedEnclaves.StartAsync();
        var schemas = (await served.GetAsync("/openapi.json")).GetProperty("components").GetProperty("schemas");
        foreach (var (schema, type) in new Dictionary<string, Type>
        {
            ["StartedEnclave"] = typeof(EnclaveRunInfo), ["Enclave"] = typeof(EnclaveDescription), ["Termination"] = typeof(EnclaveTermination), ["End"] = typeof(EnclaveEnd),
        })
        {
            var members = type.GetProperties().SelectMany(property => property.GetCustomAttributes(typeof(JsonPropertyNameAttribute), true)).Select(name => ((JsonPropertyNameAttribute)name).Name);
            Assert.Equal(members.Order(), schemas.GetProperty(schema).GetProperty("properties").EnumerateObject().Select(property => property.Name).Order());
        }

        Assert.Equal(
            ServeJson.Default.EnclaveEvent.Properties.Select(property => property.Name).Order(),
            schemas.GetProperty("Event").GetProperty("properties").EnumerateObject().Select(property => property.Name).Order());
        Assert.Equal(
            Enum.GetNames<EnclaveEndKind>().Order(), schemas.GetProperty("End").GetProperty("properties").GetProperty("Kind").GetProperty("enum").EnumerateArray().Select(kind => kind.GetString()!).Order());
    }

    [Fact]
    public async Task Operations_are_spans_that_say_why_they_failed()
    {
        var spans = new ConcurrentQueue<Activity>();
        using var listener = new ActivityListener
        {
            ShouldListenTo = source => source.Name == EnclaveInstruments.Name,
            Sample = (ref ActivityCreationOptions<ActivityContext> _) => ActivitySamplingResult.AllDataAndRecorded,
            ActivityStopped = spans.Enqueue,
        };
        ActivitySource.AddActivityListener(listener);
        await using var served = await ServedEnclaves.StartAsync();
        // Others' tests make spans too: these are known by their names.
        using var run = await served.Http.PostAsync("/v1/enclaves", Json($$"""{"eifPath":"{{served.FolderPath}}/none.eif","memoryMiB":64,"engine":"process"}"""), Token);
        // The launcher of these tests ends at once.
        Assert.Equal(HttpStatusCode.InternalServerError, run.StatusCode);
        using var end = await served.Http.DeleteAsync("/v1/enclaves/nobody-of-this-test", Token);
        var started = Assert.Single(spans, span => (string?)span.GetTagItem("enclave.image") == $"{served.FolderPath}/none.eif");
        Assert.Equal(("run enclave", ActivityStatusCode.Error, "process"), (started.OperationName, started.Status, (string?)started.GetTagItem("enclave.engine")));
        Assert.NotNull(started.GetTagItem("error.type"));
        var terminated = Assert.Single(spans, span => span.StatusDescription?.Contains("nobody-of-this-test", StringComparison.Ordinal) == true);
        Assert.Equal(("terminate enclave", "NoSuchEnclave"), (terminated.OperationName, (string?)terminated.GetTagItem("error.type")));
    }

    [Fact]
    public async Task Without_enclaves_nothing_is_ended()
    {
        await using var served = await ServedEnclaves.StartAsync();
        using var response = await served.Http.DeleteAsync("/v1/enclaves", Token);
        Assert.Equal("[]\n", await response.Content.ReadAsStringAsync(Token));
    }

    [Theory]
    [InlineData("""{"eifPath":"/a.eif","memoryMiB":64,"cpuCount":2,"cpuIds":[1,3]}""", "ConflictingArgument")]
    [InlineData("""{"eifPath":"/a.eif","memoryMiB":64,"cpuIds":[1,1]}""", "InvalidCpuConfiguration")]
    [InlineData("""{"eifPath":"/a.eif","memoryMiB":64,"bootTimeout":0}""", "InvalidArgument")]
    [InlineData("""{"eifPath":"/a.eif","memoryMiB":64,"restart":"sometimes"}""", "InvalidArgument")]
    [InlineData("""{"eifPath":"/a.eif","memoryMiB":64,"restart":"always","restartLimit":0}""", "InvalidArgument")]
    [InlineData("""{"eifPath":"/a.eif","memoryMiB":64,"restartDelay":-1}""", "InvalidArgument")]
    [InlineData("""{"eifPath":"/a.eif","memoryMiB":64,"vsockAllow":[3]}""", "InvalidArgument")]
    [InlineData("""{"eifPath":"/a.eif","memoryMiB":64,"forward":["tcp"]}""", "InvalidArgument")]
    public async Task Options_are_held_to_the_rules_of_the_command(string body, string title)
    {
        await using var served = await ServedEnclaves.StartAsync();
        using var response = await served.Http.PostAsync("/v1/enclaves", Json(body), Token);
        Assert.Equal(HttpStatusCode.BadRequest, response.StatusCode);
        Assert.Equal(title, JsonSerializer.Deserialize(await response.Content.ReadAsStringAsync(Token), ServeJson.Default.Problem)!.Title);
    }

    static StringContent Json(string body) => new(body, Encoding.UTF8, "application/json");

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
