using System.Diagnostics;
using System.Security.Cryptography;

namespace NitroEnclaves.Fuzz;

/// <summary>One target, one seed: changes inputs and runs them until the time or the count is used up, or something is found.</summary>
sealed class FuzzRun(IFuzzTarget target, FuzzOptions options, TextWriter output)
{
    const int CorpusLimit = 4096;

    static readonly TimeSpan ReportInterval = TimeSpan.FromSeconds(30);

    long _count;

    /// <summary>Runs; false where something was found.</summary>
    public bool Execute()
    {
        var corpus = target.Seeds.ToList();
        var mutator = new Mutator(options.Seed, options.MaximumLength);
        var watch = Stopwatch.StartNew();
        var nextReport = ReportInterval;
        using var outcomes = new OutcomeRecorder();
        using var watchdog = new Watchdog(options.TimeLimit, input => Report(input, "hangs"));

        foreach (var input in options.Inputs.Count > 0 ? options.Inputs : [.. corpus])
        {
            if (!Try(input, outcomes, watchdog))
            {
                return false;
            }

            outcomes.IsNew();
        }

        while (options.Inputs.Count == 0 && watch.Elapsed < options.Duration && _count < options.Runs)
        {
            var input = mutator.Next(corpus);
            if (!Try(input, outcomes, watchdog))
            {
                return false;
            }

            if (outcomes.IsNew() && corpus.Count < CorpusLimit)
            {
                corpus.Add(input);
            }

            if (watch.Elapsed > nextReport)
            {
                nextReport += ReportInterval;
                output.WriteLine($"{target.Name}: {_count:N0} inputs, {outcomes.Count} outcomes after {watch.Elapsed.TotalSeconds:N0} s");
            }
        }

        output.WriteLine($"{target.Name}: {_count:N0} inputs, {outcomes.Count} outcomes, seed {options.Seed}, {watch.Elapsed.TotalSeconds:N1} s: nothing found");
        return true;
    }

    bool Try(byte[] input, OutcomeRecorder outcomes, Watchdog watchdog)
    {
        _count++;
        outcomes.Begin();
        var before = GC.GetAllocatedBytesForCurrentThread();
        watchdog.Start(input);
        try
        {
            target.Run(input);
            outcomes.Add(target.LastOutcome);
        }
        catch (Exception exception)
        {
            Report(input, $"throws {exception}");
            return false;
        }
        finally
        {
            watchdog.Stop();
        }

        var allocated = GC.GetAllocatedBytesForCurrentThread() - before;
        if (allocated > options.MemoryLimit)
        {
            Report(input, $"allocates {allocated:N0} bytes");
            return false;
        }

        return true;
    }

    void Report(byte[] input, string finding)
    {
        var path = Path.Combine(options.FindingsFolder, $"{target.Name}-{Convert.ToHexStringLower(SHA256.HashData(input)[..8])}.bin");
        Directory.CreateDirectory(options.FindingsFolder);
        File.WriteAllBytes(path, input);
        output.WriteLine($"{target.Name}: input {_count:N0} of seed {options.Seed} ({input.Length} bytes, kept as {path}) {finding}");
    }
}
