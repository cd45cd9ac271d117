using System.Diagnostics;
using System.Globalization;

namespace NitroEnclaves.Cli.Demo;

/// <summary>Prints an account of steps, each with its time: a title before the step, what it found after it.</summary>
sealed class StepLog(TextWriter output)
{
    readonly Stopwatch _total = Stopwatch.StartNew();
    int _number;

    /// <summary>Runs one step and prints its line and the lines below it.</summary>
    /// <param name="title">What is done, in a few words.</param>
    /// <param name="step">Does it and returns what to tell of it: the first line stands beside the title.</param>
    public async Task RunAsync(string title, Func<Task<IReadOnlyList<string>>> step)
    {
        var watch = Stopwatch.StartNew();
        await output.WriteAsync(string.Create(CultureInfo.InvariantCulture, $"{++_number,2}  {title,-9}"));
        await output.FlushAsync();
        IReadOnlyList<string> account;
        try
        {
            account = await step();
        }
        catch
        {
            await output.WriteLineAsync("failed");
            throw;
        }

        await output.WriteLineAsync(string.Create(CultureInfo.InvariantCulture, $"{watch.Elapsed.TotalSeconds,6:0.00} s  {account[0]}"));
        foreach (var line in account.Skip(1))
        {
            await output.WriteLineAsync($"                       {line}");
        }
    }

    /// <summary>Prints the time of all steps.</summary>
    public Task FinishAsync(string conclusion) =>
        output.WriteLineAsync(string.Create(CultureInfo.InvariantCulture, $"{conclusion} {_total.Elapsed.TotalSeconds:0.0} s in all."));
}
