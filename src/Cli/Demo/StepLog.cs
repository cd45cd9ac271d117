using System.Diagnostics;
using System.Globalization;

namespace NitroEnclaves.Cli.Demo;

/// <summary>Prints an account of steps, each with its time and what it found; on a terminal also what is being done right now.</summary>
/// <param name="output">Where the account goes.</param>
/// <param name="isTerminal">Whether a line may be written over.</param>
sealed class StepLog(TextWriter output, bool isTerminal)
{
    const string Indentation = "                       ";

    readonly Stopwatch _total = Stopwatch.StartNew();
    int _number;

    /// <summary>Runs one step and prints its account.</summary>
    /// <param name="title">What is done, in a few words.</param>
    /// <param name="step">Does it and returns what to tell of it: the first line stands beside the title, the others below.</param>
    /// <param name="tellsItsProgress">The step itself says what it does, on stderr.</param>
    public async Task RunAsync(string title, Func<Task<IReadOnlyList<string>>> step, bool tellsItsProgress = false)
    {
        var number = string.Create(CultureInfo.InvariantCulture, $"{++_number,2}  {title,-9}");
        var showsItself = isTerminal && !tellsItsProgress;
        if (showsItself)
        {
            await output.WriteAsync($"{number}  ...");
            await output.FlushAsync();
        }

        var watch = Stopwatch.StartNew();
        try
        {
            var account = await step();
            await output.WriteLineAsync(string.Create(
                CultureInfo.InvariantCulture, $"{(showsItself ? "\r" : "")}{number} {watch.Elapsed.TotalSeconds,6:0.00} s  {account[0]}"));
            foreach (var line in account.Skip(1))
            {
                await output.WriteLineAsync(Indentation + line);
            }
        }
        catch
        {
            await output.WriteLineAsync($"{(showsItself ? "\r" : "")}{number}  failed");
            throw;
        }
    }

    /// <summary>Prints the time of all steps.</summary>
    public Task FinishAsync(string conclusion) =>
        output.WriteLineAsync(string.Create(CultureInfo.InvariantCulture, $"{conclusion} {_total.Elapsed.TotalSeconds:0.0} s in all."));
}
