using NitroEnclaves.Cli.Demo;

namespace NitroEnclaves.Cli.Tests;

public sealed class StepLogTests
{
    [Fact]
    public async Task A_step_is_one_line_and_what_it_found_below()
    {
        var output = new StringWriter { NewLine = "\n" };
        var log = new StepLog(output, isTerminal: false);
        await log.RunAsync("build", () => Task.FromResult<IReadOnlyList<string>>(["an image", "PCR0 1"]));
        Assert.Matches(@"^ 1  build +\d\.\d\d s  an image\n {23}PCR0 1\n$", output.ToString());
    }

    [Fact]
    public async Task A_failed_step_says_so_and_its_error_goes_on()
    {
        var output = new StringWriter { NewLine = "\n" };
        var log = new StepLog(output, isTerminal: true);
        await Assert.ThrowsAsync<TimeoutException>(() => log.RunAsync("run", () => throw new TimeoutException()));
        Assert.Equal(" 1  run        ...\r 1  run        failed\n", output.ToString());
    }
}
