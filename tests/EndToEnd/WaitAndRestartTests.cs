using System.Text;
using System.Text.Json;
using NitroEnclaves.Enclaves;

namespace NitroEnclaves.EndToEnd.Tests;

/// <summary>wait-enclave and run-enclave --restart, as a shell or a unit of systemd uses them.</summary>
public sealed class WaitAndRestartTests
{
    const uint Port = 5000;

    static CancellationToken Cancellation => TestContext.Current.CancellationToken;

    [Fact(Timeout = 240_000)]
    public async Task A_process_enclave_is_started_again_and_wait_enclave_ends_as_it_ends_at_last()
    {
        await using var host = new EnclaveHost(EngineChoice.Process);
        var info = await RunAsync(host, "process", "--debug-mode", "--restart", "on-failure", "--restart-delay", "0.1");
        var waiting = await StartWaitingAsync(host, info, "--enclave-name", "obey");
        await OrderAsync(host, info, "exit 7");
        await OrderAsync(host, info, "kill 9", restarts: 1);
        await UntilRunningAsync(host, 2);
        using (var list = JsonDocument.Parse((await NitroAsync(host, "describe-enclaves")).Output))
        {
            Assert.Equal(2, Assert.Single(list.RootElement.EnumerateArray()).GetProperty("Restarts").GetInt32());
        }

        await OrderAsync(host, info, "exit 0", restarts: 2);
        var waited = await waiting;
        Assert.True(waited.ExitCode == 0, waited.Error);
        using var end = JsonDocument.Parse(waited.Output);
        Assert.Equal(("Exited", 0, 2), (end.RootElement.GetProperty("Kind").GetString(), end.RootElement.GetProperty("Status").GetInt32(), end.RootElement.GetProperty("Restarts").GetInt32()));
        Assert.Contains("order: exit 0", end.RootElement.GetProperty("ConsoleTail").GetString(), StringComparison.Ordinal);

        var log = await File.ReadAllTextAsync(Path.Combine(host.LogPath, "nitro_enclaves.log"), Cancellation);
        Assert.Contains("][INFO][", log, StringComparison.Ordinal);
        Assert.Contains("The enclave's program exited with status 7. It is started again in 0.1 s.\n", log, StringComparison.Ordinal);
        Assert.Contains("Signal 9 ended the enclave's program. It is started again in 0.2 s.\n", log, StringComparison.Ordinal);
        await host.AssertNothingLeftAsync();
    }

    [Theory(Timeout = 240_000)]
    [InlineData("exit 42", 42, "Exited")]
    [InlineData("kill 15", 143, "Signaled")]
    [InlineData(null, 0, "Terminated")]
    public async Task Wait_enclave_has_the_enclaves_exit_code(string? order, int exitCode, string kind)
    {
        await using var host = new EnclaveHost(EngineChoice.Process);
        var info = await RunAsync(host, "process");
        var waiting = await StartWaitingAsync(host, info, "--enclave-id", info.EnclaveId);
        if (order is null)
        {
            await host.Registry.Connect(info.EnclaveId).TerminateAsync(Cancellation);
        }
        else
        {
            await OrderAsync(host, info, order);
        }

        var waited = await waiting;
        Assert.True(waited.ExitCode == exitCode, waited.Error);
        Assert.StartsWith($"{{\n  \"Kind\": \"{kind}\",\n", waited.Output, StringComparison.Ordinal);
        Assert.DoesNotContain("ConsoleTail", waited.Output, StringComparison.Ordinal);
        await host.AssertNothingLeftAsync();
    }

    [Fact(Timeout = 240_000)]
    public async Task A_machine_is_started_again_too()
    {
        await using var host = new EnclaveHost();
        var info = await RunAsync(host, "qemu", "--restart", "on-failure", "--restart-limit", "1", "--restart-delay", "0");
        var waiting = host.Registry.Connect(info.EnclaveId).WaitAsync(Cancellation);
        await OrderAsync(host, info, "exit 3");
        await OrderAsync(host, info, "exit 4", restarts: 1);
        var end = await waiting;
        Assert.Equal((EnclaveEndKind.Exited, 4, 1), (end.Kind, end.Status, end.Restarts));
        await host.AssertNothingLeftAsync();
    }

    static async Task<EnclaveRunInfo> RunAsync(EnclaveHost host, string engine, params string[] options)
    {
        var (variable, value) = host.Mark;
        var image = await GuestImage.FromProgramAsync("obey", program => new() { Command = program.Command, Environment = [$"{variable}={value}"] });
        var run = await NitroAsync(
            host, ["run-enclave", "--eif-path", image.Path, "--memory", "256", "--cpu-count", "1", "--engine", engine, "--authority", host.AuthorityPath,
                "--module-id", host.NewModuleId(), .. options]);
        Assert.True(run.ExitCode == 0, run.Error);
        return JsonSerializer.Deserialize<EnclaveRunInfo>(run.Output)!;
    }

    static async Task OrderAsync(EnclaveHost host, EnclaveRunInfo enclave, string order, int? restarts = null)
    {
        await UntilRunningAsync(host, restarts);
        await using var connection = await host.ConnectAsync(enclave, Port);
        await connection.Stream.WriteAsync(Encoding.ASCII.GetBytes(order), Cancellation);
        // The stream ends with the program.
        await connection.Stream.ReadAtLeastAsync(new byte[1], 1, throwOnEndOfStream: false, Cancellation);
    }

    // Until the start after so many others has come up.
    static Task UntilRunningAsync(EnclaveHost host, int? restarts) => UntilAsync(async () =>
        await host.Registry.DescribeAsync(cancellationToken: Cancellation) is [{ State: "RUNNING" } enclave] && (restarts is null || enclave.Restarts == restarts));

    static async Task UntilAsync(Func<Task<bool>> condition)
    {
        while (!await condition())
        {
            await Task.Delay(20, Cancellation);
        }
    }

    // Starts the command and goes on when the enclave's process has its connection: beside the one that listens.
    static async Task<Task<ToolResult>> StartWaitingAsync(EnclaveHost host, EnclaveRunInfo enclave, params string[] selection)
    {
        var waiting = NitroAsync(host, ["wait-enclave", .. selection]);
        await UntilAsync(async () => await host.IsWaitedForAsync(enclave.EnclaveId) || waiting.IsCompleted);
        return waiting;
    }

    static Task<ToolResult> NitroAsync(EnclaveHost host, params string[] arguments) => Tool.TryRunAsync(Checkout.Command, arguments, host.Environment);
}
