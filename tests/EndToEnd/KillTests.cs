using System.Diagnostics;
using NitroEnclaves.Enclaves;

namespace NitroEnclaves.EndToEnd.Tests;

/// <summary>Whoever is killed without a chance to tidy up, nothing of the enclave stays.</summary>
public sealed class KillTests
{
    [Fact(Timeout = 180_000)]
    public async Task The_command_is_killed_while_its_enclave_boots()
    {
        await using var host = new EnclaveHost();
        var image = await GuestImage.FromProgramAsync("vsock");
        var start = new ProcessStartInfo(Checkout.Command, ["run-enclave", "--eif-path", image.Path, "--memory", "256", "--cpu-count", "1",
            "--engine", "qemu", "--module-id", host.NewModuleId(), "--authority", host.AuthorityPath])
        {
            RedirectStandardOutput = true,
            RedirectStandardError = true,
        };
        foreach (var (name, value) in host.Environment)
        {
            start.Environment[name] = value;
        }

        using var command = Process.Start(start)!;
        while (!host.Processes().Any(process => process.IsQemu))
        {
            Assert.False(command.HasExited, "The command ended before its enclave was there to be seen.");
            await Task.Delay(5, TestContext.Current.CancellationToken);
        }

        command.Kill();
        await command.WaitForExitAsync(TestContext.Current.CancellationToken);
        Assert.Empty(await command.StandardOutput.ReadToEndAsync(TestContext.Current.CancellationToken));
        await host.AssertNothingLeftAsync();
    }

    [Fact(Timeout = 180_000)]
    public async Task The_process_of_an_enclave_is_killed()
    {
        await using var host = new EnclaveHost();
        var image = await GuestImage.FromProgramAsync("vsock");
        await using var enclave = await host.StartAsync(host.Options(image.Path));
        Assert.Contains(host.Processes(), process => process.IsQemu);
        using (var process = Process.GetProcessById(enclave.Info.ProcessId))
        {
            process.Kill();
        }

        Assert.Equal(EnclaveEndKind.EngineFailed, (await enclave.WaitAsync(TestContext.Current.CancellationToken)).Kind);
        // Its files are there until somebody looks.
        Assert.Empty(host.Registry.List());
        await host.AssertNothingLeftAsync();
    }

    [Fact(Timeout = 180_000)]
    public async Task QEMU_is_killed()
    {
        await using var host = new EnclaveHost();
        var image = await GuestImage.FromProgramAsync("vsock");
        await using var enclave = await host.StartAsync(host.Options(image.Path));
        Assert.Single(host.Processes(), process => process.IsQemu).Kill();
        var end = await enclave.WaitAsync(TestContext.Current.CancellationToken);
        Assert.Equal(EnclaveEndKind.EngineFailed, end.Kind);
        Assert.Contains("QEMU", end.Explanation, StringComparison.Ordinal);
        await host.AssertNothingLeftAsync();
    }
}
