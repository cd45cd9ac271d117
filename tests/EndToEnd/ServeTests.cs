using System.Net;
using System.Net.Http.Json;
using System.Text;
using System.Text.Json;
using NitroEnclaves.Enclaves;
using NitroEnclaves.Tests;

namespace NitroEnclaves.EndToEnd.Tests;

/// <summary>The program behind <c>nitro serve</c>: an enclave is run, watched and ended over HTTP, and one that others start is seen as well.</summary>
/// <param name="sample">Prepares the checkout; its own image is not used.</param>
public sealed class ServeTests(SampleImage sample)
{
    const uint Port = 5000;

    static CancellationToken Token => TestContext.Current.CancellationToken;

    [Fact(Timeout = 300_000)]
    public async Task Enclaves_are_run_watched_and_ended_over_HTTP()
    {
        Assert.NotNull(sample.Image);
        await using var host = new EnclaveHost(EngineChoice.Process);
        var image = await GuestImage.FromProgramAsync("program");
        var socketPath = Path.Combine(host.RegistryPath, "serve.http");
        using var server = await ServeProgram.StartAsync(host, ServeProgram.Built);
        using var http = ServeProgram.Client(socketPath);
        using var events = new StreamReader(await http.GetStreamAsync("/v1/events", Token));

        // One that is started here, of which the console is read while it runs.
        using var started = await http.PostAsJsonAsync(
            "/v1/enclaves", new { eifPath = image.Path, memoryMiB = 256, enclaveName = "served", debugMode = true, engine = "process", restart = "on-failure" }, Token);
        Assert.Equal(HttpStatusCode.Created, started.StatusCode);
        var run = await started.Content.ReadFromJsonAsync<JsonElement>(Token);
        var id = run.GetProperty("EnclaveID").GetString()!;
        Assert.Equal($"/v1/enclaves/{id}", started.Headers.Location?.OriginalString);
        Assert.Equal(("started", id), await NextAsync(events));
        var console = http.GetStringAsync("/v1/enclaves/served/console?follow=true", Token);
        Assert.Equal(id, Assert.Single((await GetAsync(http, "/v1/enclaves")).EnumerateArray()).GetProperty("EnclaveID").GetString());
        Assert.Equal("RUNNING", (await GetAsync(http, $"/v1/enclaves/{id}")).GetProperty("State").GetString());
        var running = await http.GetStringAsync("/metrics", Token);
        Assert.Contains("nitro_enclave_running{engine=\"process\"} 1\n", running, StringComparison.Ordinal);
        Assert.Contains($"nitro_enclave_memory_bytes{{enclave=\"{id}\",name=\"served\"}} {256L << 20}\n", running, StringComparison.Ordinal);

        // Its program fails and is started again, then ends well, and so does the enclave.
        await OrderAsync(host, "exit 42");
        Assert.Equal(("restarted", id), await NextAsync(events));
        await OrderAsync(host, "exit 0");
        Assert.Equal(("ended", id), await NextAsync(events));
        var printed = (await console).ReplaceLineEndings("\n");
        Assert.Contains("order: exit 42\n", printed, StringComparison.Ordinal);
        Assert.Contains("order: exit 0\n", printed, StringComparison.Ordinal);
        Assert.Contains("nitro_enclave_restarts_total{engine=\"process\"} 1\n", await http.GetStringAsync("/metrics", Token), StringComparison.Ordinal);

        // One of the same name that somebody else starts, and that is ended here.
        await using var other = await host.StartAsync(host.Options(image.Path) with { Name = "served" });
        Assert.Equal(("started", other.Info.EnclaveId), await NextAsync(events));
        using var refused = await http.GetAsync("/v1/enclaves/served/console", Token);
        Assert.Equal(HttpStatusCode.Conflict, refused.StatusCode);
        using var ended = await http.DeleteAsync("/v1/enclaves/served", Token);
        Assert.True((await ended.Content.ReadFromJsonAsync<JsonElement>(Token)).GetProperty("Terminated").GetBoolean());
        Assert.Equal(("ended", other.Info.EnclaveId), await NextAsync(events));
        var metrics = await http.GetStringAsync("/metrics", Token);
        Assert.Contains("nitro_enclave_ends_total{kind=\"Exited\"} 1\n", metrics, StringComparison.Ordinal);
        Assert.Contains("nitro_enclave_ends_total{kind=\"Terminated\"} 1\n", metrics, StringComparison.Ordinal);
        Assert.DoesNotContain(id, metrics, StringComparison.Ordinal);

        Assert.Equal(0, await ServeProgram.EndAsync(server));
        await host.AssertNothingLeftAsync();
    }

    // Under QEMU, where the vsock and the NSM are ours to count; with an exporter that nobody of the program knows.
    [Fact(Timeout = 300_000)]
    public async Task Answers_are_as_described_and_an_exporter_sees_what_an_enclave_does()
    {
        await using var host = new EnclaveHost();
        var socketPath = Path.Combine(host.RegistryPath, "serve.http");
        var export = Path.Combine(host.Folder, "export");
        using var server = await ServeProgram.StartAsync(host, ServeProgram.Built, environment: [("DOTNET_STARTUP_HOOKS", typeof(ServeTests).Assembly.Location), ("TEST_EXPORT", export)]);
        using var http = ServeProgram.Client(socketPath);
        var schema = new ApiSchema(await GetAsync(http, "/openapi.json"));
        using var events = new StreamReader(await http.GetStreamAsync("/v1/events", Token));

        using var started = await http.PostAsJsonAsync(
            "/v1/enclaves", new { eifPath = sample.Image.Path, memoryMiB = 512, enclaveName = "watched", debugMode = true, engine = "qemu", bootTimeout = 240 }, Token);
        var run = await started.Content.ReadFromJsonAsync<JsonElement>(Token);
        Assert.Empty(schema.Faults("POST", "/v1/enclaves", "201", run));
        var info = JsonSerializer.Deserialize<EnclaveRunInfo>(run)!;
        await AttestedGreeting.AskAsync(host, info, "Ada");
        Assert.Empty(schema.Faults("GET", "/v1/enclaves", "200", await GetAsync(http, "/v1/enclaves?metadata=true")));
        var described = await GetAsync(http, "/v1/enclaves/watched");
        Assert.Empty(schema.Faults("GET", "/v1/enclaves/{enclave}", "200", described));
        Assert.Equal("attester", described.GetProperty("ImageName").GetString());
        using var refused = await http.GetAsync("/v1/enclaves/nobody", Token);
        Assert.Empty(schema.Faults("GET", "/v1/enclaves/{enclave}", "default", await refused.Content.ReadFromJsonAsync<JsonElement>(Token)));
        Assert.Empty(schema.Faults("Event", await NextDataAsync(events)));

        var metrics = await http.GetStringAsync("/metrics", Token);
        string[] named = ["running", "memory_bytes", "starts_total", "restarts_total", "ends_total", "nsm_requests_total", "vsock_bytes_total"];
        Assert.All(named, name => Assert.Contains($"# TYPE nitro_enclave_{name} ", metrics, StringComparison.Ordinal));
        Assert.Matches($"nitro_enclave_nsm_requests_total{{enclave=\"{info.EnclaveId}\",name=\"watched\",operation=\"Attestation\"}} 1\n", metrics);
        Assert.Matches("nitro_enclave_vsock_bytes_total{.*direction=\"from\"} [1-9]", metrics);
        Assert.Matches("nitro_enclave_vsock_bytes_total{.*direction=\"to\"} [1-9]", metrics);

        // Whether this request is there first, or the one that ends the enclave, makes no difference.
        var end = GetAsync(http, $"/v1/enclaves/{info.EnclaveId}/end");
        using var ended = await http.DeleteAsync("/v1/enclaves", Token);
        var terminations = await ended.Content.ReadFromJsonAsync<JsonElement>(Token);
        Assert.Empty(schema.Faults("DELETE", "/v1/enclaves", "200", terminations));
        Assert.Equal(info.EnclaveId, Assert.Single(terminations.EnumerateArray()).GetProperty("EnclaveID").GetString());
        Assert.Empty(schema.Faults("GET", "/v1/enclaves/{enclave}/end", "200", await end));
        Assert.Equal("Terminated", (await end).GetProperty("Kind").GetString());
        Assert.Equal((await end).GetRawText(), (await GetAsync(http, $"/v1/enclaves/{info.EnclaveId}/end")).GetRawText());
        Assert.Empty(schema.Faults("Event", await NextDataAsync(events)));

        await ServeProgram.EndAsync(server);
        var exported = await File.ReadAllLinesAsync(export, Token);
        Assert.Contains($"span run enclave Unset enclave.image={sample.Image.Path} enclave.engine=qemu enclave.id={info.EnclaveId} enclave.name=watched", exported);
        Assert.Contains($"span terminate enclave Unset enclave.id={info.EnclaveId} enclave.name=watched", exported);
        Assert.Contains($"measurement nitro.enclave.memory {512L << 20} enclave={info.EnclaveId} name=watched", exported);
        Assert.Contains("measurement nitro.enclave.starts 1 engine=qemu", exported);
        await host.AssertNothingLeftAsync();
    }

    static async Task OrderAsync(EnclaveHost host, string order)
    {
        var enclave = Assert.Single(await host.Registry.DescribeAsync(cancellationToken: Token));
        await using var connection = await host.ConnectAsync(enclave, Port);
        await connection.Stream.WriteAsync(Encoding.ASCII.GetBytes(order), Token);
    }

    static async Task<JsonElement> GetAsync(HttpClient http, string path) => await http.GetFromJsonAsync<JsonElement>(path, Token);

    static async Task<(string Type, string EnclaveId)> NextAsync(StreamReader events)
    {
        var data = await NextDataAsync(events);
        return (data.GetProperty("type").GetString()!, data.GetProperty("enclaveId").GetString()!);
    }

    static async Task<JsonElement> NextDataAsync(StreamReader events)
    {
        while (await events.ReadLineAsync(Token) is { } line)
        {
            if (line.StartsWith("data: ", StringComparison.Ordinal))
            {
                using var data = JsonDocument.Parse(line[6..]);
                return data.RootElement.Clone();
            }
        }

        throw new EndOfStreamException("The events ended.");
    }
}
