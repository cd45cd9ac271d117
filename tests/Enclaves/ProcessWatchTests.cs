namespace NitroEnclaves.Enclaves.Tests;

public sealed class ProcessWatchTests
{
    [Fact]
    public async Task An_end_is_seen_when_it_comes()
    {
        var child = ChildProcess.Start(new ChildProcessStart { FileName = "/bin/sleep", Arguments = ["1000"] });
        using var watch = ProcessWatch.Open(child.Id);
        Assert.False(await watch.WaitAsync(TimeSpan.FromMilliseconds(1)));
        var end = watch.WaitAsync(TimeSpan.FromSeconds(30));
        child.Signal(Interop.SIGKILL);
        Assert.True(await end);
        await child.Exit;
    }

    [Fact]
    public async Task A_process_that_is_gone_has_ended()
    {
        var child = ChildProcess.Start(new ChildProcessStart { FileName = "/bin/true" });
        await child.Exit;
        using var watch = ProcessWatch.Open(child.Id);
        Assert.True(await watch.WaitAsync(TimeSpan.Zero));
    }

    [Fact]
    public async Task Nobody_waits_for_his_own_end()
    {
        using var watch = ProcessWatch.Open(Environment.ProcessId);
        Assert.False(await watch.WaitAsync(TimeSpan.FromHours(1)));
    }
}
