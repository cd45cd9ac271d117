using System.Text;
using NitroEnclaves.Nsm;

namespace AttestedTls.Server;

/// <summary>
/// What this service says, measured into a register of its own before the first client comes: configuration that is not part of the image is
/// then in every document. Starts after the guard, and keeps the service from starting where the register holds something else.
/// </summary>
sealed class GreetingMeasurement(IServiceProvider services, IConfiguration configuration) : IHostedService
{
    /// <summary>The register.</summary>
    public const int Register = Pcr.FirstUnlocked;

    /// <summary>What the service says.</summary>
    public static string Of(IConfiguration configuration) => configuration["Greeting"] ?? "Hello from inside the enclave.";

    /// <inheritdoc/>
    public async Task StartAsync(CancellationToken cancellationToken)
    {
        // Not sooner: an enclave without an NSM is for the guard to find.
        var nsm = services.GetRequiredService<NsmClient>();
        await nsm.MeasureAndLockAsync(Register, Encoding.UTF8.GetBytes(Of(configuration)), cancellationToken);
    }

    /// <inheritdoc/>
    public Task StopAsync(CancellationToken cancellationToken) => Task.CompletedTask;
}
