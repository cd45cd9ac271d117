namespace NitroEnclaves.Enclaves.Tests;

public sealed class ProcessActivityTests
{
    const int SIGSTOP = 19;

    [Theory(Timeout = 60_000)]
    [InlineData("while :; do :; done", true)]
    [InlineData("exec sleep 1000", false)]
    public async Task Who_computes_has_work_and_who_waits_has_none(string script, bool expected)
    {
        var process = ChildProcess.Start(new ChildProcessStart { FileName = "/bin/sh", Arguments = ["-c", script] });
        try
        {
            // Its start is work as well.
            while (ProcessActivity.HasWork(process.Id) != expected)
            {
                await Task.Delay(10, TestContext.Current.CancellationToken);
            }

            Assert.Equal(expected, ProcessActivity.HasWork(process.Id));
            process.Signal(SIGSTOP);
            while (ProcessActivity.HasWork(process.Id))
            {
                await Task.Delay(10, TestContext.Current.CancellationToken);
            }
        }
        finally
        {
            await process.EndAsync(TimeSpan.Zero);
        }
    }

    [Fact]
    public void Nobody_has_no_work() => Assert.False(ProcessActivity.HasWork(int.MaxValue));
}
