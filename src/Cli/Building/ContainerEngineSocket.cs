using System.Net;
using System.Net.Sockets;
using System.Text.Json;

namespace NitroEnclaves.Cli.Building;

/// <summary>
/// The programming interface of a local Docker or Podman (Docker Engine API), over its Unix socket: <c>$DOCKER_HOST</c> where it names
/// one, else the usual places.
/// </summary>
sealed class ContainerEngineSocket : IDisposable
{
    const int MaxInspection = 16 << 20;

    readonly HttpClient _client;

    ContainerEngineSocket(string path)
    {
        Path = path;
        _client = new HttpClient(new SocketsHttpHandler { ConnectCallback = ConnectAsync, UseProxy = false })
        {
            BaseAddress = new Uri("http://engine/"),
            Timeout = Timeout.InfiniteTimeSpan,
            MaxResponseContentBufferSize = MaxInspection,
        };

        async ValueTask<Stream> ConnectAsync(SocketsHttpConnectionContext context, CancellationToken cancellationToken)
        {
            var socket = new Socket(AddressFamily.Unix, SocketType.Stream, ProtocolType.Unspecified);
            try
            {
                await socket.ConnectAsync(new UnixDomainSocketEndPoint(path), cancellationToken);
                return new NetworkStream(socket, ownsSocket: true);
            }
            catch
            {
                socket.Dispose();
                throw;
            }
        }
    }

    /// <summary>The socket's path.</summary>
    public string Path { get; }

    /// <summary>The engines whose sockets are here, in the order in which they are asked.</summary>
    public static IEnumerable<ContainerEngineSocket> FindAll() => Candidates().Where(File.Exists).Select(path => new ContainerEngineSocket(path));

    /// <summary>What the engine says of an image; null where it has none of this name, or does not answer.</summary>
    /// <param name="name">The image's name, as the user wrote it.</param>
    /// <param name="cancellationToken">Ends the asking.</param>
    public async Task<JsonElement?> InspectAsync(string name, CancellationToken cancellationToken)
    {
        try
        {
            using var response = await _client.GetAsync(new Uri($"images/{Uri.EscapeDataString(name)}/json", UriKind.Relative), cancellationToken);
            return response.StatusCode == HttpStatusCode.OK
                ? JsonDocument.Parse(await response.Content.ReadAsByteArrayAsync(cancellationToken)).RootElement
                : null;
        }
        catch (Exception exception) when (exception is HttpRequestException or JsonException)
        {
            return null;
        }
    }

    /// <summary>Writes an image as <c>docker save</c> does.</summary>
    /// <param name="name">The image's name.</param>
    /// <param name="path">The archive to write.</param>
    /// <param name="cancellationToken">Ends the writing.</param>
    /// <exception cref="CommandFailure">The engine does not give it.</exception>
    public async Task SaveAsync(string name, string path, CancellationToken cancellationToken)
    {
        try
        {
            using var response = await _client.GetAsync(
                new Uri($"images/{Uri.EscapeDataString(name)}/get", UriKind.Relative), HttpCompletionOption.ResponseHeadersRead, cancellationToken);
            response.EnsureSuccessStatusCode();
            using var file = File.Create(path);
            await response.Content.CopyToAsync(file, cancellationToken);
        }
        catch (HttpRequestException exception)
        {
            throw new CommandFailure(50, $"The container engine at {Path} does not give the image {name}: {exception.Message}");
        }
    }

    /// <inheritdoc/>
    public void Dispose() => _client.Dispose();

    static IEnumerable<string> Candidates()
    {
        const string scheme = "unix://";
        if (Environment.GetEnvironmentVariable("DOCKER_HOST") is { Length: > 0 } host)
        {
            return host.StartsWith(scheme, StringComparison.Ordinal) ? [host[scheme.Length..]] : [];
        }

        var runtime = Environment.GetEnvironmentVariable("XDG_RUNTIME_DIR");
        return ["/var/run/docker.sock", .. string.IsNullOrEmpty(runtime) ? Array.Empty<string>() : [$"{runtime}/docker.sock", $"{runtime}/podman/podman.sock"], "/run/podman/podman.sock"];
    }
}
