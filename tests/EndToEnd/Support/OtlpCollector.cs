using System.Collections.Concurrent;
using System.Net;
using System.Net.Sockets;
using System.Text;

namespace NitroEnclaves.EndToEnd.Tests;

/// <summary>An OpenTelemetry collector that keeps what it is sent over HTTP, by path. In the bytes of protobuf, names are readable as they are.</summary>
sealed class OtlpCollector : IAsyncDisposable
{
    readonly HttpListener _listener;
    readonly Task _serving;
    readonly ConcurrentQueue<(string Path, string Body)> _received = new();

    OtlpCollector(HttpListener listener, Uri endpoint)
    {
        (_listener, Endpoint) = (listener, endpoint);
        _serving = ServeAsync();
    }

    /// <summary>What <c>OTEL_EXPORTER_OTLP_ENDPOINT</c> is to say.</summary>
    public Uri Endpoint { get; }

    public static OtlpCollector Start()
    {
        while (true)
        {
            using var free = new TcpListener(IPAddress.Loopback, 0);
            free.Start();
            var endpoint = new Uri($"http://127.0.0.1:{((IPEndPoint)free.LocalEndpoint).Port}/");
            free.Stop();
            try
            {
                var listener = new HttpListener { Prefixes = { endpoint.ToString() } };
                listener.Start();
                return new OtlpCollector(listener, endpoint);
            }
            catch (HttpListenerException)
            {
                // Another has taken the port meanwhile.
            }
        }
    }

    /// <summary>All that was sent to a path, each request after the other.</summary>
    public string Received(string path) => string.Concat(_received.Where(one => one.Path == path).Select(one => one.Body));

    /// <inheritdoc/>
    public async ValueTask DisposeAsync()
    {
        _listener.Close();
        await _serving;
    }

    async Task ServeAsync()
    {
        try
        {
            while (true)
            {
                var context = await _listener.GetContextAsync();
                using var body = new StreamReader(context.Request.InputStream, Encoding.Latin1);
                _received.Enqueue((context.Request.Url!.AbsolutePath, await body.ReadToEndAsync()));
                context.Response.ContentType = "application/x-protobuf";
                context.Response.Close();
            }
        }
        catch (Exception exception) when (exception is HttpListenerException or ObjectDisposedException)
        {
            // It was closed.
        }
    }
}
