using System.Globalization;
using System.Text.Json;
using Microsoft.AspNetCore.Builder;
using Microsoft.AspNetCore.Http;
using Microsoft.AspNetCore.Routing;
using Microsoft.Extensions.DependencyInjection;
using NitroEnclaves.Enclaves;

namespace NitroEnclaves.Serve;

/// <summary>The operations, by path; <c>openapi.json</c> describes the same. Bodies are those that the commands print.</summary>
static class EnclaveEndpoints
{
    const string Json = "application/json";
    const string FailedConnections = "Failed-Connections";

    public static void Map(WebApplication application)
    {
        application.Use(next => context => Problems.CatchAsync(context, next));
        application.MapGet("/v1/enclaves", ListAsync);
        application.MapPost("/v1/enclaves", RunAsync);
        application.MapDelete("/v1/enclaves", TerminateAllAsync);
        application.MapGet("/v1/enclaves/{enclave}", DescribeAsync);
        application.MapDelete("/v1/enclaves/{enclave}", TerminateAsync);
        application.MapGet("/v1/enclaves/{enclave}/console", CopyConsoleAsync);
        application.MapGet("/v1/enclaves/{enclave}/end", WaitAsync);
        application.MapGet("/v1/events", StreamEventsAsync);
        application.MapGet("/metrics", WriteMetricsAsync);
        application.MapGet("/openapi.json", DescribeApiAsync);
    }

    /// <summary>The operations as "METHOD path", from the routes themselves.</summary>
    internal static IEnumerable<string> All(EndpointDataSource endpoints) =>
        from endpoint in endpoints.Endpoints.OfType<RouteEndpoint>()
        from method in endpoint.Metadata.GetMetadata<HttpMethodMetadata>()!.HttpMethods
        select $"{method} {endpoint.RoutePattern.RawText}";

    static async Task ListAsync(HttpContext context)
    {
        var described = await Options(context).Registry.DescribeAllAsync(context.Request.Query["metadata"] == "true", context.RequestAborted);
        if (described.Silent.Count > 0)
        {
            context.Response.Headers[FailedConnections] = described.Silent.Count.ToString(CultureInfo.InvariantCulture);
        }

        await WriteAsync(context, EnclaveJson.Write(described.Answered));
    }

    static async Task RunAsync(HttpContext context)
    {
        var request = await RunRequest.ReadAsync(context.Request.Body, context.RequestAborted);
        var options = Options(context);
        var info = await Instruments(context).TraceAsync("run enclave", async activity =>
        {
            activity?.SetTag("enclave.image", request.EifPath);
            activity?.SetTag("enclave.engine", request.Engine ?? options.Engine.ToString().ToLowerInvariant());
            await using var enclave = await options.Launcher.StartAsync(request.ToOptions(options.Registry.FolderPath, options.Engine), cancellationToken: context.RequestAborted);
            activity?.SetTag("enclave.id", enclave.Info.EnclaveId);
            activity?.SetTag("enclave.name", enclave.Info.EnclaveName);
            return enclave.Info;
        });
        await Watch(context).LookAsync(context.RequestAborted);
        context.Response.StatusCode = StatusCodes.Status201Created;
        context.Response.Headers.Location = $"/v1/enclaves/{info.EnclaveId}";
        await WriteAsync(context, EnclaveJson.Write(info));
    }

    static async Task DescribeAsync(HttpContext context)
    {
        var description = await (await ClientAsync(context)).DescribeAsync(metadata: true, context.RequestAborted);
        await WriteAsync(context, EnclaveJson.Write(description));
    }

    static async Task TerminateAsync(HttpContext context) => await WriteAsync(context, EnclaveJson.Write(await TerminateAsync(context, () => FindAsync(context))));

    static async Task TerminateAllAsync(HttpContext context)
    {
        var entries = await Options(context).Registry.ListAsync(context.RequestAborted);
        var ended = await Task.WhenAll(entries.Select(entry => TerminateAsync(context, () => Task.FromResult(entry))));
        await WriteAsync(context, EnclaveJson.Write(ended));
    }

    static Task<EnclaveTermination> TerminateAsync(HttpContext context, Func<Task<EnclaveEntry>> find) => Instruments(context).TraceAsync("terminate enclave", async activity =>
    {
        var entry = await find();
        activity?.SetTag("enclave.id", entry.Id);
        activity?.SetTag("enclave.name", entry.Name);
        return await Options(context).Registry.Connect(entry.Id).TerminateAsync(context.RequestAborted);
    });

    static async Task WaitAsync(HttpContext context) => await WriteAsync(context, EnclaveJson.Write(await AwaitEndAsync(context)));

    static async Task<EnclaveEnd> AwaitEndAsync(HttpContext context)
    {
        var ends = context.RequestServices.GetRequiredService<EnclaveEnds>();
        try
        {
            return await (await ClientAsync(context)).WaitAsync(context.RequestAborted);
        }
        catch (EnclaveException) when (ends.Find((string)context.Request.RouteValues["enclave"]!) is not null)
        {
            // It has ended already, or while this request was on its way.
            return await ends.Find((string)context.Request.RouteValues["enclave"]!)!.WaitAsync(context.RequestAborted);
        }
    }

    static async Task CopyConsoleAsync(HttpContext context)
    {
        var follow = context.Request.Query["follow"] == "true";
        // Found before the answer begins, so that a console that cannot be read is a problem and not an empty text.
        var client = await ClientAsync(context);
        context.Response.ContentType = "text/plain; charset=utf-8";
        await client.CopyConsoleAsync(context.Response.Body, follow, context.RequestAborted);
    }

    static async Task StreamEventsAsync(HttpContext context)
    {
        long? after = long.TryParse(context.Request.Headers["Last-Event-ID"], NumberStyles.None, CultureInfo.InvariantCulture, out var number) ? number : null;
        context.Response.ContentType = "text/event-stream";
        context.Response.Headers.CacheControl = "no-store";
        // The head of the answer tells the client that it is listening.
        await context.Response.StartAsync(context.RequestAborted);
        await context.Response.Body.FlushAsync(context.RequestAborted);
        await foreach (var happened in context.RequestServices.GetRequiredService<EnclaveEvents>().ListenAsync(after, context.RequestAborted))
        {
            var data = JsonSerializer.Serialize(happened, ServeJson.Default.EnclaveEvent);
            await context.Response.WriteAsync($"id: {happened.Number}\nevent: {happened.Type}\ndata: {data}\n\n", context.RequestAborted);
            await context.Response.Body.FlushAsync(context.RequestAborted);
        }
    }

    static async Task WriteMetricsAsync(HttpContext context)
    {
        await Watch(context).LookAsync(context.RequestAborted);
        context.Response.ContentType = PrometheusText.ContentType;
        await context.Response.WriteAsync(context.RequestServices.GetRequiredService<PrometheusText>().Collect(), context.RequestAborted);
    }

    static async Task DescribeApiAsync(HttpContext context)
    {
        context.Response.ContentType = Json;
        await using var description = typeof(EnclaveEndpoints).Assembly.GetManifestResourceStream("openapi.json")!;
        await description.CopyToAsync(context.Response.Body, context.RequestAborted);
    }

    static async Task<EnclaveClient> ClientAsync(HttpContext context) => Options(context).Registry.Connect((await FindAsync(context)).Id);

    // By its id, else by its name; nitro-cli's enclaves too.
    static async Task<EnclaveEntry> FindAsync(HttpContext context)
    {
        var wanted = (string)context.Request.RouteValues["enclave"]!;
        var entries = await Options(context).Registry.ListAsync(context.RequestAborted);
        return entries.FirstOrDefault(entry => entry.Id == wanted) ?? entries.FirstOrDefault(entry => entry.Name == wanted)
            ?? throw new EnclaveException(EnclaveFailure.NoSuchEnclave, $"No running enclave has the id or name '{wanted}'.");
    }

    static Task WriteAsync(HttpContext context, string json)
    {
        context.Response.ContentType = Json;
        return context.Response.WriteAsync($"{json}\n", context.RequestAborted);
    }

    static EnclaveServerOptions Options(HttpContext context) => context.RequestServices.GetRequiredService<EnclaveServerOptions>();

    static EnclaveInstruments Instruments(HttpContext context) => context.RequestServices.GetRequiredService<EnclaveInstruments>();

    static EnclaveWatch Watch(HttpContext context) => context.RequestServices.GetRequiredService<EnclaveWatch>();
}
