using System.Net.Sockets;
using Microsoft.AspNetCore.Builder;
using Microsoft.AspNetCore.Hosting;
using Microsoft.AspNetCore.Server.Kestrel.Core;
using Microsoft.Extensions.Logging;

namespace NitroEnclaves.Vsock.AspNetCore.Tests;

/// <summary>
/// A Kestrel server at port 8080 of an emulated parent, and clients that come as the router of an emulated enclave: no test needs the
/// kernel's vsock.
/// </summary>
sealed class VsockServer : IAsyncDisposable
{
    public const uint Port = 8080;

    readonly DirectoryInfo _folder = Directory.CreateTempSubdirectory("kestrel-");
    readonly WebApplication _application;

    VsockServer(Action<WebApplication> map, Action<KestrelServerOptions>? configure, Action<ListenOptions>? listen, VsockOptions? options)
    {
        var builder = WebApplication.CreateSlimBuilder();
        builder.Logging.ClearProviders();
        builder.WebHost.UseVsock(transport => transport.Vsock = (options ?? VsockOptions.Default) with { Resolvers = [Resolver] }).ConfigureKestrel(kestrel =>
        {
            kestrel.ListenVsock(Port, listen);
            configure?.Invoke(kestrel);
        });
        _application = builder.Build();
        map(_application);
    }

    IVsockResolver Resolver => VsockResolver.Fixed(VsockAddress.Any, VsockRoute.UnixSocket(Path.Combine(_folder.FullName, "v")));

    public static async Task<VsockServer> StartAsync(
        Action<WebApplication> map, Action<KestrelServerOptions>? configure = null, Action<ListenOptions>? listen = null, VsockOptions? options = null)
    {
        var server = new VsockServer(map, configure, listen, options);
        await server._application.StartAsync();
        return server;
    }

    /// <summary>A client whose connections carry a guest's name.</summary>
    public HttpClient Client() => new(new SocketsHttpHandler
    {
        ConnectCallback = async (_, cancellationToken) => new NetworkStream(await DialAsync(cancellationToken), ownsSocket: true),
        SslOptions = { RemoteCertificateValidationCallback = static (_, certificate, _, _) => certificate?.Subject == "CN=service.test" },
    });

    public async Task<Socket> DialAsync(CancellationToken cancellationToken)
    {
        var socket = new Socket(AddressFamily.Unix, SocketType.Stream, ProtocolType.Unspecified);
        var name = new byte[64];
        var length = VsockPeerName.Write(16, 1234, (uint)Random.Shared.Next(), name);
        socket.Bind(new UnixDomainSocketEndPoint("\0" + System.Text.Encoding.ASCII.GetString(name, 0, length)));
        await socket.ConnectAsync(new UnixDomainSocketEndPoint(Path.Combine(_folder.FullName, $"v_{Port}")), cancellationToken);
        return socket;
    }

    public Task StopAsync(CancellationToken cancellationToken) => _application.StopAsync(cancellationToken);

    public async ValueTask DisposeAsync()
    {
        await _application.DisposeAsync();
        _folder.Delete(recursive: true);
    }
}
