using Microsoft.AspNetCore.Connections;
using Microsoft.AspNetCore.Hosting;
using Microsoft.AspNetCore.Server.Kestrel.Core;
using Microsoft.Extensions.DependencyInjection;

namespace NitroEnclaves.Vsock.AspNetCore;

/// <summary>Lets Kestrel listen on vsock, beside whatever else it listens on.</summary>
/// <example>
/// <code>
/// var builder = WebApplication.CreateSlimBuilder(args);
/// builder.WebHost.UseVsock().ConfigureKestrel(kestrel => kestrel.ListenVsock(8080));
/// </code>
/// </example>
public static class VsockWebHostExtensions
{
    /// <summary>Adds the vsock transport to Kestrel.</summary>
    /// <param name="builder">The host being built.</param>
    /// <param name="configure">Changes the transport's options; null leaves the defaults.</param>
    public static IWebHostBuilder UseVsock(this IWebHostBuilder builder, Action<VsockTransportOptions>? configure = null)
    {
        ArgumentNullException.ThrowIfNull(builder);
        return builder.ConfigureServices(services =>
        {
            services.AddSingleton<IConnectionListenerFactory, VsockTransportFactory>();
            if (configure is not null)
            {
                services.Configure(configure);
            }
        });
    }

    /// <summary>Has Kestrel listen at a vsock port for every CID of this machine. Needs <see cref="UseVsock"/>.</summary>
    /// <param name="options">Kestrel's options.</param>
    /// <param name="port">The port.</param>
    /// <param name="configure">Protocols, TLS and the like; null leaves the defaults.</param>
    public static void ListenVsock(this KestrelServerOptions options, uint port, Action<ListenOptions>? configure = null)
    {
        ArgumentNullException.ThrowIfNull(options);
        options.Listen(new VsockEndPoint(VsockAddress.Any, port), configure ?? (static _ => { }));
    }
}
