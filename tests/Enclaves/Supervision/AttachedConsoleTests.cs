using System.Text;

namespace NitroEnclaves.Enclaves.Tests;

/// <summary>What a program prints that ends before whoever started it can attach to its console.</summary>
public sealed class AttachedConsoleTests : IDisposable
{
    static readonly TimeSpan s_nearlyAll = EnclaveSupervisor.AttachPatience - TimeSpan.FromSeconds(1);

    readonly TemporaryFolder _folder = new();
    readonly ScriptedEngine _engine = new();
    readonly ManualTime _time = new();
    readonly EnclaveRegistry _registry;
    readonly CancellationTokenSource _stop = new();
    readonly CancellationTokenSource _launcherGone = new();

    public AttachedConsoleTests() => _registry = new EnclaveRegistry(_folder.Path);

    static CancellationToken Cancellation => TestContext.Current.CancellationToken;

    public void Dispose()
    {
        _stop.Dispose();
        _launcherGone.Dispose();
        _folder.Dispose();
    }

    [Fact(Timeout = 60_000)]
    public async Task It_waits_for_who_attaches_late()
    {
        var (end, run) = await EndedAsync();
        _time.Advance(s_nearlyAll);
        Assert.False(end.IsCompleted);
        Assert.False(Directory.Exists($"/proc/{run.ChildId}"));

        var output = new MemoryStream();
        await _registry.Connect(Assert.Single(_registry.List()).Id).CopyConsoleAsync(output, follow: true, Cancellation);
        Assert.Equal("hello\n", Encoding.UTF8.GetString(output.ToArray()));
        Assert.Equal((EnclaveEndKind.Exited, 0, "hello"), ((await end).Kind, (await end).Status, (await end).ConsoleTail));
        Assert.Empty(Directory.EnumerateFileSystemEntries(_folder.Path));
    }

    [Fact(Timeout = 60_000)]
    public async Task Who_only_looks_is_not_waited_for_but_does_not_end_the_wait()
    {
        var (end, _) = await EndedAsync();
        var output = new MemoryStream();
        await _registry.Connect(Assert.Single(_registry.List()).Id).CopyConsoleAsync(output, follow: false, Cancellation);
        Assert.Equal("TERMINATING", Assert.Single(await _registry.DescribeAsync(cancellationToken: Cancellation)).State);
        Assert.Equal((6, false), (output.Length, end.IsCompleted));
        _time.Advance(EnclaveSupervisor.AttachPatience);
        await end;
    }

    [Fact(Timeout = 60_000)]
    public async Task After_a_minute_nobody_is_expected_any_more()
    {
        var (end, _) = await EndedAsync();
        _time.Advance(s_nearlyAll);
        Assert.False(end.IsCompleted);
        _time.Advance(EnclaveSupervisor.AttachPatience - s_nearlyAll);
        Assert.Equal(("hello", 0), ((await end).ConsoleTail, (await end).Status));
        Assert.Empty(Directory.EnumerateFileSystemEntries(_folder.Path));
    }

    [Fact(Timeout = 60_000)]
    public async Task It_waits_for_nobody_when_the_launcher_is_gone()
    {
        var (end, _) = await EndedAsync();
        await _launcherGone.CancelAsync();
        Assert.Equal(EnclaveEndKind.Exited, (await end).Kind);
    }

    [Fact(Timeout = 60_000)]
    public async Task A_command_ends_the_wait()
    {
        var (end, _) = await EndedAsync();
        Assert.True((await _registry.Connect(Assert.Single(_registry.List()).Id).TerminateAsync(Cancellation)).Terminated);
        Assert.Equal(EnclaveEndKind.Exited, (await end).Kind);
    }

    [Fact(Timeout = 60_000)]
    public async Task A_signal_ends_the_wait()
    {
        var (end, _) = await EndedAsync();
        await _stop.CancelAsync();
        Assert.Equal(EnclaveEndKind.Exited, (await end).Kind);
    }

    // The enclave has ended, and its console waits.
    async Task<(Task<EnclaveEnd> End, ScriptedRun Run)> EndedAsync()
    {
        var options = Samples.Options with { DebugMode = true, AttachConsole = true };
        var supervisor = new EnclaveSupervisor(options, _registry, _engine, new UnusedSigner(), _time) { LauncherGone = _launcherGone.Token };
        var end = supervisor.RunAsync(_ => { }, _ => Task.CompletedTask, _stop.Token);
        var run = await _engine.Started;
        run.Launch.ConsoleOutput("hello\n"u8.ToArray());
        run.Report(0xb7);
        run.Report(0xee, 0, 0, 0, 0, 0);
        run.End(failure: false, "It was reset.");
        await _time.TimerAsync(EnclaveSupervisor.AttachPatience);
        return (end, run);
    }
}
