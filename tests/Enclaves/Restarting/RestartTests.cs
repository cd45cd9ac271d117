using System.Text;

namespace NitroEnclaves.Enclaves.Tests;

/// <summary>Enclaves that are started again: what stays, what is told, and what ends it.</summary>
public sealed class RestartTests : IDisposable
{
    static readonly RestartPolicy s_atOnce = new() { Mode = RestartMode.OnFailure, Delay = TimeSpan.Zero };

    readonly TemporaryFolder _folder = new();
    readonly ScriptedEngine _engine = new();
    readonly EnclaveRegistry _registry;
    readonly CancellationTokenSource _stop = new();
    readonly TaskCompletionSource<EnclaveRunInfo> _started = new(TaskCreationOptions.RunContinuationsAsynchronously);
    readonly RecordedLog _log = new();

    public RestartTests() => _registry = new EnclaveRegistry(_folder.Path);

    static CancellationToken Cancellation => TestContext.Current.CancellationToken;

    public void Dispose()
    {
        _stop.Dispose();
        _folder.Dispose();
    }

    [Fact]
    public async Task A_failure_starts_it_again_under_the_same_id_name_and_CID()
    {
        var end = Supervise(s_atOnce);
        var first = await RunAsync();
        var info = await _started.Task.WaitAsync(Cancellation);
        var waiting = _registry.Connect(info.EnclaveId).WaitAsync(Cancellation);
        Exit(first, 7);
        var second = await RunAsync();
        Assert.Equal((first.Launch.Id, first.Launch.Cid, first.Launch.VsockPath), (second.Launch.Id, second.Launch.Cid, second.Launch.VsockPath));
        Assert.False(Directory.Exists($"/proc/{first.ChildId}"));
        await RunningAsync();
        Assert.Equal((info.EnclaveName, 1), Assert.Single(await _registry.DescribeAsync(cancellationToken: Cancellation)) is var described
            ? (described.EnclaveName, described.Restarts) : default);
        Assert.False(waiting.IsCompleted);

        Exit(second, 0);
        Assert.Equal((EnclaveEndKind.Exited, 0, 1), ((await end).Kind, (await end).Status, (await end).Restarts));
        Assert.Equal(await end, await waiting);
        Assert.Empty(Directory.EnumerateFileSystemEntries(_folder.Path));
        Assert.Contains(_log.Lines, line => line is { Level: EnclaveLogLevel.Warn } && line.Text == "The enclave's program exited with status 7. It is started again in 0 s.");
        Assert.Equal("Nothing of it is left.", _log.Lines[^1].Text);
    }

    [Fact]
    public async Task The_limit_ends_it()
    {
        var end = Supervise(s_atOnce with { Limit = 2 });
        for (var start = 0; start < 3; start++)
        {
            Exit(await RunAsync(), 5);
        }

        Assert.Equal((5, 2), ((await end).Status, (await end).Restarts));
        Assert.Empty(Directory.EnumerateFileSystemEntries(_folder.Path));
    }

    [Fact]
    public async Task A_start_that_fails_counts_and_is_tried_again()
    {
        var end = Supervise(s_atOnce with { Limit = 2 });
        Exit(await RunAsync(), 1);
        (await _engine.NextAsync(Cancellation)).End(failure: true, "QEMU failed.");
        (await _engine.NextAsync(Cancellation)).End(failure: true, "QEMU failed again.");
        Assert.Equal((EnclaveEndKind.EngineFailed, 2), ((await end).Kind, (await end).Restarts));
        Assert.StartsWith("The enclave did not come up again: The enclave ended before its heartbeat. QEMU failed again.", (await end).Explanation, StringComparison.Ordinal);
        Assert.Empty(Directory.EnumerateFileSystemEntries(_folder.Path));
    }

    [Theory]
    [InlineData(true)]
    [InlineData(false)]
    public async Task It_can_be_terminated_while_it_waits(bool byCommand)
    {
        var end = Supervise(s_atOnce with { Delay = RestartPolicy.LongestDelay });
        Exit(await RunAsync(), 1);
        while (Assert.Single(_registry.List()).State != EnclaveState.Restarting)
        {
            await Task.Delay(5, Cancellation);
        }

        var description = Assert.Single(await _registry.DescribeAsync(cancellationToken: Cancellation));
        Assert.Equal(("EMPTY", 0), (description.State, description.Restarts));
        if (byCommand)
        {
            Assert.True((await _registry.Connect(description.EnclaveId).TerminateAsync(Cancellation)).Terminated);
        }
        else
        {
            await _stop.CancelAsync();
        }

        Assert.Equal(EnclaveEndKind.Terminated, (await end).Kind);
        Assert.Contains(byCommand ? "by a command" : "with the process", (await end).Explanation, StringComparison.Ordinal);
        Assert.Empty(Directory.EnumerateFileSystemEntries(_folder.Path));
    }

    [Fact]
    public async Task It_can_be_terminated_while_it_starts_again()
    {
        var end = Supervise(s_atOnce);
        Exit(await RunAsync(), 1);
        var second = await _engine.NextAsync(Cancellation);
        var terminating = _registry.Connect(second.Launch.Id).TerminateAsync(Cancellation);
        Assert.Equal(EnclaveEndKind.Terminated, (await end).Kind);
        Assert.True((await terminating).Terminated);
        Assert.Empty(Directory.EnumerateFileSystemEntries(_folder.Path));
    }

    [Fact]
    public async Task The_console_goes_on_and_its_end_is_told()
    {
        var end = Supervise(s_atOnce, debug: true);
        var first = await RunAsync();
        first.Launch.ConsoleOutput(Encoding.ASCII.GetBytes("one\n"));
        Exit(first, 1);
        var second = await RunAsync();
        second.Launch.ConsoleOutput(Encoding.ASCII.GetBytes("two\n"));
        Exit(second, 0);
        Assert.Equal("one\n\n[The enclave's program exited with status 1. It is started again.]\ntwo", (await end).ConsoleTail);
    }

    [Fact]
    public async Task A_slot_that_the_hypervisor_gives_makes_a_new_id()
    {
        _engine.Slots.Enqueue(5);
        _engine.Slots.Enqueue(6);
        var end = Supervise(s_atOnce, debug: true);
        var first = await RunAsync();
        Exit(first, 1);
        var second = await RunAsync();
        Assert.EndsWith("-enc0000000000000006", second.Launch.Id, StringComparison.Ordinal);
        await RunningAsync();
        var description = Assert.Single(await _registry.DescribeAsync(cancellationToken: Cancellation));
        Assert.Equal((second.Launch.Id, second.Launch.Cid), (description.EnclaveId, first.Launch.Cid));
        Assert.DoesNotContain(Directory.EnumerateFiles(_folder.Path), path => path.Contains("0000000000000005", StringComparison.Ordinal));
        await _registry.Connect(description.EnclaveId).TerminateAsync(Cancellation);
        await end;
        Assert.Empty(Directory.EnumerateFileSystemEntries(_folder.Path));
    }

    [Fact]
    public async Task A_file_that_has_changed_is_not_started_under_the_registers_of_another()
    {
        var image = _folder["image.eif"];
        File.Copy(Samples.EifPath, image);
        var end = Supervise(s_atOnce with { Limit = 1 }, image: image);
        var first = await RunAsync();
        using (var file = new FileStream(image, FileMode.Open, FileAccess.Write, FileShare.ReadWrite))
        {
            file.Position = file.Length - 1;
            file.WriteByte(0x7f);
        }

        Exit(first, 1);
        Assert.Equal(EnclaveEndKind.EngineFailed, (await end).Kind);
        Assert.StartsWith("The enclave did not come up again: The image cannot be measured", (await end).Explanation, StringComparison.Ordinal);
    }

    // The next start, brought up.
    async Task<ScriptedRun> RunAsync()
    {
        var run = await _engine.NextAsync(Cancellation);
        run.Report(0xb7);
        await _started.Task.WaitAsync(Cancellation);
        return run;
    }

    async Task RunningAsync()
    {
        while (Assert.Single(_registry.List()).State != EnclaveState.Running)
        {
            await Task.Delay(5, Cancellation);
        }
    }

    static void Exit(ScriptedRun run, byte status)
    {
        run.Report(0xee, 0, status, 0, 0, 0);
        run.End(failure: false, "It was reset.");
    }

    Task<EnclaveEnd> Supervise(RestartPolicy policy, bool debug = false, string? image = null) =>
        new EnclaveSupervisor(
            Samples.Options with { Restart = policy, DebugMode = debug, EifPath = image ?? Samples.EifPath }, _registry, _engine, new UnusedSigner(), TimeProvider.System)
        {
            LogOutputs = [_log],
        }.RunAsync(
            _ => { },
            info =>
            {
                _started.SetResult(info);
                return Task.CompletedTask;
            },
            _stop.Token);
}
