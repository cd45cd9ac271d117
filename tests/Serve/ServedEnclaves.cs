using System.Net.Http.Json;
using System.Net.Sockets;
using System.Text.Json;
using Microsoft.AspNetCore.Routing;
using NitroEnclaves.Enclaves;

namespace NitroEnclaves.Serve.Tests;

/// <summary>A server on a socket of its own over a registry of its own, and a client of it.</summary>
sealed class ServedEnclaves : IAsyncDisposable
{
    readonly DirectoryInfo _folder = Directory.CreateTempSubdirectory("serve-");
    readonly EnclaveServer _server;

    ServedEnclaves(DirectoryInfo folder, EnclaveRegistry registry, EnclaveServer server)
    {
        (_folder, Registry, _server) = (folder, registry, server);
        Http = new HttpClient(new SocketsHttpHandler
        {
            ConnectCallback = async (_, cancellationToken) =>
            {
                var socket = new Socket(AddressFamily.Unix, SocketType.Stream, ProtocolType.Unspecified);
                await socket.ConnectAsync(new UnixDomainSocketEndPoint(SocketPath), cancellationToken);
                return new NetworkStream(socket, ownsSocket: true);
            },
        })
        {
            BaseAddress = new Uri("http://nitro"),
        };
    }

    public HttpClient Http { get; }

    public EnclaveRegistry Registry { get; }

    public EndpointDataSource Endpoints => _server.Endpoints;

    public string SocketPath => SocketOf(_folder);

    public string FolderPath => _folder.FullName;

    static CancellationToken Token => TestContext.Current.CancellationToken;

    /// <summary>Starts the server. It starts no enclave: its launcher is a program that ends at once.</summary>
    public static async Task<ServedEnclaves> StartAsync()
    {
        var folder = Directory.CreateTempSubdirectory("serve-");
        var registry = new EnclaveRegistry(Path.Combine(folder.FullName, "run"));
        var server = await EnclaveServer.StartAsync(
            new EnclaveServerOptions
            {
                SocketPath = SocketOf(folder),
                Registry = registry,
                Launcher = new EnclaveLauncher("/bin/false"),
                Interval = TimeSpan.FromMilliseconds(100),
            },
            Token);
        return new ServedEnclaves(folder, registry, server);
    }

    public async Task<JsonElement> GetAsync(string path) => await Http.GetFromJsonAsync<JsonElement>(path, Token);

    public async ValueTask DisposeAsync()
    {
        Http.Dispose();
        await _server.DisposeAsync();
        _folder.Delete(recursive: true);
    }

    static string SocketOf(DirectoryInfo folder) => Path.Combine(folder.FullName, "serve.sock");
}
