using System.Net.WebSockets;
using System.Security.Cryptography;
using System.Security.Cryptography.X509Certificates;
using Microsoft.AspNetCore.Builder;
using Microsoft.AspNetCore.Hosting;
using Microsoft.AspNetCore.Http;
using Microsoft.AspNetCore.Http.Features;
using Microsoft.AspNetCore.Server.Kestrel.Core;
using Microsoft.Extensions.Hosting;
using Microsoft.Extensions.Logging;
using NitroEnclaves.Vsock.AspNetCore;

namespace NitroEnclaves.Enclaves.Tests;

/// <summary>A web service on the guest's own vsock, with a path for each thing that Kestrel does with connections.</summary>
static class WebService
{
    static int s_aborted;

    /// <summary>Serves until somebody asks for <c>/stop</c>.</summary>
    public static async Task RunAsync(uint port)
    {
        using var certificate = SelfSigned();
        var builder = WebApplication.CreateSlimBuilder();
        builder.Logging.ClearProviders();
        builder.WebHost.UseVsock().ConfigureKestrel(kestrel =>
        {
            kestrel.ListenVsock(port);
            kestrel.ListenVsock(port + 1, listen => listen.Protocols = HttpProtocols.Http2);
            kestrel.ListenVsock(port + 2, listen => listen.UseHttps(certificate));
        });
        await using var application = builder.Build();
        application.Use(ToldAsync);
        application.UseWebSockets();
        Map(application);
        await application.RunAsync();
    }

    static void Map(WebApplication application)
    {
        application.MapGet("/", (HttpContext context) =>
        {
            var feature = context.Features.Get<IVsockConnectionFeature>()!;
            return $"{context.Connection.Id} {feature.RemoteEndPoint.Cid} {feature.LocalEndPoint} {context.Request.Protocol} {context.Request.Scheme}";
        });
        application.MapPost("/hash", async (HttpContext context) =>
            await context.Response.WriteAsync(Convert.ToHexString(await SHA256.HashDataAsync(context.Request.Body, context.RequestAborted))));
        application.MapGet("/bytes/{seed}/{count}", async (HttpContext context, int seed, int count) =>
        {
            var bytes = new byte[count];
            new Random(seed).NextBytes(bytes);
            await context.Response.Body.WriteAsync(bytes, context.RequestAborted);
        });
        application.MapGet("/wait", async (HttpContext context) =>
        {
            await context.Response.Body.FlushAsync();
            await Task.Delay(Timeout.Infinite, context.RequestAborted).ContinueWith(_ => Interlocked.Increment(ref s_aborted), TaskScheduler.Default);
        });
        application.MapGet("/aborted", () => Volatile.Read(ref s_aborted));
        application.Map("/socket", EchoMessagesAsync);
        application.Map("/upgrade", async (HttpContext context) =>
        {
            await using var stream = await context.Features.Get<IHttpUpgradeFeature>()!.UpgradeAsync();
            await stream.CopyToAsync(stream, context.RequestAborted);
        });
        application.MapGet("/stop", async (IHostApplicationLifetime lifetime) =>
        {
            var stopping = new TaskCompletionSource(TaskCreationOptions.RunContinuationsAsynchronously);
            using var registration = lifetime.ApplicationStopping.Register(stopping.SetResult);
            lifetime.StopApplication();
            await stopping.Task;

            // Long enough that a server which does not wait for its requests would have cut this one off.
            await Task.Delay(500);
            return "answered while stopping";
        });
    }

    // The test reads what went wrong; nobody sees this machine's log.
    static async Task ToldAsync(HttpContext context, RequestDelegate next)
    {
        try
        {
            await next(context);
        }
        catch (Exception exception) when (!context.Response.HasStarted)
        {
            context.Response.StatusCode = StatusCodes.Status500InternalServerError;
            await context.Response.WriteAsync(exception.ToString());
        }
    }

    static async Task EchoMessagesAsync(HttpContext context)
    {
        using var socket = await context.WebSockets.AcceptWebSocketAsync();
        var buffer = new byte[64 * 1024];
        while (true)
        {
            var message = await socket.ReceiveAsync(buffer, context.RequestAborted);
            if (message.MessageType == WebSocketMessageType.Close)
            {
                await socket.CloseAsync(WebSocketCloseStatus.NormalClosure, null, context.RequestAborted);
                return;
            }

            await socket.SendAsync(buffer.AsMemory(0, message.Count), message.MessageType, message.EndOfMessage, context.RequestAborted);
        }
    }

    static X509Certificate2 SelfSigned()
    {
        using var key = ECDsa.Create(ECCurve.NamedCurves.nistP256);
        return new CertificateRequest("CN=service.test", key, HashAlgorithmName.SHA256).CreateSelfSigned(DateTimeOffset.UtcNow.AddDays(-1), DateTimeOffset.UtcNow.AddDays(1));
    }
}
