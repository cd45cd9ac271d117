using System.Net.Sockets;
using Microsoft.AspNetCore.Builder;
using Microsoft.AspNetCore.Hosting;
using Microsoft.AspNetCore.Routing;
using Microsoft.AspNetCore.Server.Kestrel.Transport.Sockets;
using Microsoft.Extensions.DependencyInjection;
using Microsoft.Extensions.Hosting;
using Microsoft.Extensions.Logging;
using NitroEnclaves.Vsock;

namespace NitroEnclaves.Serve;

/// <summary>The HTTP server on its Unix socket, which only its owner can reach, or its group too.</summary>
sealed class EnclaveServer : IAsyncDisposable
{
    // A request to run an enclave is a small object; nothing larger is read.
    const int MaxRequestLength = 64 << 10;
    const int MaxConnections = 256;
    const UnixFileMode OwnerAlone = UnixFileMode.UserRead | UnixFileMode.UserWrite;
    const UnixFileMode OwnerAndGroup = OwnerAlone | UnixFileMode.GroupRead | UnixFileMode.GroupWrite;

    readonly WebApplication _application;

    EnclaveServer(WebApplication application) => _application = application;

    /// <summary>Starts to listen.</summary>
    /// <exception cref="IOException">Somebody listens at the socket already, or it cannot be made.</exception>
    public static async Task<EnclaveServer> StartAsync(EnclaveServerOptions options, CancellationToken cancellationToken = default)
    {
        RemoveAbandoned(options.SocketPath);
        var builder = WebApplication.CreateSlimBuilder(new WebApplicationOptions { ContentRootPath = AppContext.BaseDirectory });
        builder.Logging.ClearProviders();
        builder.Services.AddSingleton(options).AddSingleton<EnclaveInstruments>().AddSingleton<EnclaveEvents>().AddSingleton<EnclaveEnds>();
        builder.Services.AddSingleton(provider => new PrometheusText(provider.GetRequiredService<EnclaveInstruments>().Meter));
        builder.Services.AddSingleton<EnclaveWatch>().AddHostedService(provider => provider.GetRequiredService<EnclaveWatch>());
        builder.WebHost.ConfigureKestrel(kestrel =>
        {
            kestrel.AddServerHeader = false;
            kestrel.Limits.MaxRequestBodySize = MaxRequestLength;
            kestrel.Limits.MaxConcurrentConnections = MaxConnections;
            kestrel.ListenUnixSocket(options.SocketPath);
        });
        builder.Services.Configure<SocketTransportOptions>(sockets => sockets.CreateBoundListenSocket = _ => Bind(options));
        var application = builder.Build();
        EnclaveEndpoints.Map(application);
        // Before anything is counted.
        _ = application.Services.GetRequiredService<PrometheusText>();
        try
        {
            await application.StartAsync(cancellationToken);
            // As long as nobody else can have the name.
            application.Lifetime.ApplicationStopping.Register(() => File.Delete(options.SocketPath));
            return new EnclaveServer(application);
        }
        catch
        {
            await application.DisposeAsync();
            throw;
        }
    }

    /// <summary>The routes, for tests.</summary>
    internal EndpointDataSource Endpoints => _application.Services.GetRequiredService<EndpointDataSource>();

    /// <summary>Waits for SIGINT or SIGTERM.</summary>
    public Task WaitForShutdownAsync() => _application.WaitForShutdownAsync();

    /// <summary>Ends the server; enclaves go on.</summary>
    public async ValueTask DisposeAsync()
    {
        await _application.StopAsync(new CancellationTokenSource(TimeSpan.FromSeconds(2)).Token);
        await _application.DisposeAsync();
    }

    // By our own name for it, as a socket of the class library's ends the process when a client's name is longer than its own. The mode comes
    // before anybody can connect.
    static Socket Bind(EnclaveServerOptions options)
    {
        var socket = new Socket(AddressFamily.Unix, SocketType.Stream, ProtocolType.Unspecified);
        try
        {
            socket.Bind(UnixSocketName.FromPath(options.SocketPath));
            File.SetUnixFileMode(options.SocketPath, options.GroupAccess ? OwnerAndGroup : OwnerAlone);
            return socket;
        }
        catch
        {
            socket.Dispose();
            throw;
        }
    }

    // A server that was killed leaves its socket behind; nobody answers at it.
    static void RemoveAbandoned(string path)
    {
        if (!File.Exists(path))
        {
            return;
        }

        using var probe = new Socket(AddressFamily.Unix, SocketType.Stream, ProtocolType.Unspecified);
        try
        {
            probe.Connect(new UnixDomainSocketEndPoint(path));
        }
        catch (SocketException exception) when (exception.SocketErrorCode == SocketError.ConnectionRefused)
        {
            File.Delete(path);
            return;
        }
        catch (SocketException exception)
        {
            throw new IOException($"{path} is there and is no socket of a server: {exception.Message}", exception);
        }

        throw new IOException($"Somebody serves at {path} already.");
    }
}
