using AttestedTls.Server;
using Microsoft.AspNetCore.Diagnostics.HealthChecks;
using NitroEnclaves.Hosting;
using NitroEnclaves.Vsock.AspNetCore;

const uint Port = 8443;

var builder = WebApplication.CreateSlimBuilder(args);

// The guard's rules come from the image's environment, and so are measured: NitroEnclave__Guard__ClockSource=Refuse.
builder.Services.AddNitroEnclave(builder.Configuration.GetSection("NitroEnclave"));

builder.Services.AddHostedService<GreetingMeasurement>();

// No TCP, and one key: made in this enclave, known to nobody outside, and vouched for by its document.
builder.WebHost.UseKestrelHttpsConfiguration()
    .UseVsock()
    .ConfigureKestrel(kestrel => kestrel.ListenVsock(Port, listen => listen.UseAttestedHttps()));

await using var app = builder.Build();
app.MapHealthChecks("/health", new HealthCheckOptions { ResponseWriter = HealthText.WriteAsync });
app.MapGet("/", context => context.Response.WriteAsync($"{GreetingMeasurement.Of(app.Configuration)}\n"));
try
{
    await app.RunAsync();
}
catch (EnclaveGuardException exception)
{
    // The log has said what each rule found.
    await Console.Error.WriteLineAsync(exception.Message);
    return 1;
}

return 0;
