using System.Diagnostics;
using System.Text.Json;
using NitroEnclaves.Enclaves;

namespace NitroEnclaves.EndToEnd.Tests;

/// <summary>Enclaves of which one has a process that gives no answer: the commands have to get on with the others.</summary>
public sealed class SilentProcessTests
{
    static CancellationToken Cancellation => TestContext.Current.CancellationToken;

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

    [Fact(Timeout = 180_000)]
    public async Task The_server_says_how_many_gave_no_answer_and_takes_none_for_ended()
    {
        await using var host = new EnclaveHost(EngineChoice.Process);
        var image = await GuestImage.FromProgramAsync("program");
        await using var hanging = await host.StartAsync(host.Options(image.Path));
        await using var other = await host.StartAsync(host.Options(image.Path));
        using var server = await ServeProgram.StartAsync(host, ServeProgram.Built);
        using var http = ServeProgram.Client(Path.Combine(host.RegistryPath, "serve.http"));
        Assert.Contains("nitro_enclave_running{engine=\"process\"} 2\n", await http.GetStringAsync("/metrics", Cancellation), StringComparison.Ordinal);
        await SignalAsync(hanging, "STOP");
        for (var question = 0; question < 2; question++)
        {
            using var described = await http.GetAsync("/v1/enclaves", Cancellation);
            Assert.Equal(["1"], described.Headers.GetValues("Failed-Connections"));
            Assert.Equal([other.Info.EnclaveId], Ids(await described.Content.ReadAsStringAsync(Cancellation)));
        }

        // Twice missing is ended: this one is not missing.
        Assert.Contains("nitro_enclave_running{engine=\"process\"} 2\n", await http.GetStringAsync("/metrics", Cancellation), StringComparison.Ordinal);
        await SignalAsync(hanging, "CONT");
        using var whole = await http.GetAsync("/v1/enclaves", Cancellation);
        Assert.False(whole.Headers.Contains("Failed-Connections"));
        Assert.Equal([hanging.Info.EnclaveId, other.Info.EnclaveId], Ids(await whole.Content.ReadAsStringAsync(Cancellation)));
        using var ended = await http.DeleteAsync("/v1/enclaves", Cancellation);
        Assert.Equal([hanging.Info.EnclaveId, other.Info.EnclaveId], Ids(await ended.Content.ReadAsStringAsync(Cancellation)));
        Assert.Equal(0, await ServeProgram.EndAsync(server));
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
        await kill.WaitForExitAsync(Cancellation);
    }

    static async Task<ToolResult> NitroAsync(EnclaveHost host, int exitCode, params string[] arguments)
    {
        var result = await Tool.TryRunAsync(Checkout.Command, arguments, host.Environment);
        Assert.True(exitCode == result.ExitCode, $"{string.Join(' ', arguments)} ended with {result.ExitCode}.\n{result.Output}{result.Error}");
        return result;
    }
}
