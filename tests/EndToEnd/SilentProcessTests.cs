using System.Diagnostics;
using System.Text.Json;
using NitroEnclaves.Enclaves;

namespace NitroEnclaves.EndToEnd.Tests;

/// <summary>Enclaves of which one has a process that gives no answer: the commands have to get on with the others.</summary>
public sealed class SilentProcessTests
{
    [Fact(Timeout = 180_000)]
    public async Task One_that_hangs_is_named_and_the_others_are_described_and_ended()
    {
        await using var host = new EnclaveHost(EngineChoice.Process);
        var image = await GuestImage.FromProgramAsync("program");
        await using var first = await host.StartAsync(host.Options(image.Path));
        await using var hanging = await host.StartAsync(host.Options(image.Path));
        await using var last = await host.StartAsync(host.Options(image.Path));
        await SignalAsync(hanging, "STOP");

        var described = await NitroAsync(host, 39, "describe-enclaves");
        Assert.Equal([first.Info.EnclaveId, last.Info.EnclaveId], Ids(described.Output));
        Assert.Equal(
            [
                "Failed connections: 1",
                $"[ E39 ] No answer came from {hanging.Info.EnclaveId} (process {hanging.Info.ProcessId}): look at what the process does, or end it.",
            ],
            described.Error.TrimEnd().Split('\n'));
        await NitroAsync(host, 0, "terminate-enclave", "--enclave-id", first.Info.EnclaveId);

        await SignalAsync(hanging, "CONT");
        Assert.Equal([hanging.Info.EnclaveId, last.Info.EnclaveId], Ids((await NitroAsync(host, 0, "describe-enclaves")).Output));
        Assert.Equal([hanging.Info.EnclaveId, last.Info.EnclaveId], Ids((await NitroAsync(host, 0, "terminate-enclave", "--all")).Output));
        await host.AssertNothingLeftAsync();
    }

    static string[] Ids(string output)
    {
        using var list = JsonDocument.Parse(output);
        return [.. list.RootElement.EnumerateArray().Select(enclave => enclave.GetProperty("EnclaveID").GetString()!)];
    }

    static async Task SignalAsync(LaunchedEnclave enclave, string signal)
    {
        using var kill = Process.Start("/bin/kill", [$"-{signal}", $"{enclave.Info.ProcessId}"]);
        await kill.WaitForExitAsync(TestContext.Current.CancellationToken);
    }

    static async Task<ToolResult> NitroAsync(EnclaveHost host, int exitCode, params string[] arguments)
    {
        var result = await Tool.TryRunAsync(Checkout.Command, arguments, host.Environment);
        Assert.True(exitCode == result.ExitCode, $"{string.Join(' ', arguments)} ended with {result.ExitCode}.\n{result.Output}{result.Error}");
        return result;
    }
}
