using System.Diagnostics;
using System.Globalization;

namespace NitroEnclaves.Fleet.Benchmarks;

/// <summary>Describes and ends many enclaves, and prints what it takes beside what one takes, and beside the three seconds that nitro-cli waits for an answer.</summary>
sealed class FleetBenchmark(Fleet fleet, int count)
{
    const int Repetitions = 7;

    public async Task RunAsync()
    {
        await fleet.StartAsync(1);
        await DescribeAsync();
        var one = await MedianAsync(DescribeAsync);
        var oneCommand = await MedianAsync(() => SucceedAsync("describe-enclaves"));
        await fleet.StartAsync(count - 1);
        await DescribeAsync();
        var all = await MedianAsync(DescribeAsync);
        Row("describe one, by the library", one, "");
        Row($"describe {count}", all, Ratio(all, one));
        var allCommand = await MedianAsync(() => SucceedAsync("describe-enclaves"));
        Row("describe-enclaves of one", oneCommand, "");
        Row($"describe-enclaves of {count}", allCommand, Ratio(allCommand, oneCommand));

        var hanging = fleet.Enclaves[0];
        Fleet.Signal(hanging, "STOP");
        var run = await fleet.RunAsync("describe-enclaves");
        Row($"describe-enclaves of {count}, of which one hangs", run.Elapsed.TotalMilliseconds, $"exit {run.ExitCode}: {run.Error.ReplaceLineEndings(" / ")}");
        var named = await fleet.RunAsync("terminate-enclave", "--enclave-id", fleet.Enclaves[1].Info.EnclaveId);
        Row("terminate-enclave of another", named.Elapsed.TotalMilliseconds, $"exit {named.ExitCode}");
        Fleet.Signal(hanging, "CONT");

        await fleet.StartAsync(1);
        var since = Stopwatch.GetTimestamp();
        var running = await fleet.Registry.DescribeAsync();
        var runs = await Task.WhenAll(running.Select(enclave => fleet.RunAsync("terminate-enclave", "--enclave-id", enclave.EnclaveId)));
        var failed = runs.Where(one => one.ExitCode != 0).ToArray();
        Row($"{runs.Length} terminate-enclave at once", Stopwatch.GetElapsedTime(since).TotalMilliseconds, $"{runs.Length - failed.Length} succeeded (limit: all)");
        foreach (var reason in failed.GroupBy(one => $"exit {one.ExitCode}: {one.Error}"))
        {
            Console.WriteLine($"  {reason.Count()} of them: {reason.Key}");
        }
    }

    async Task DescribeAsync() => await fleet.Registry.DescribeAsync();

    async Task SucceedAsync(params string[] arguments)
    {
        var run = await fleet.RunAsync(arguments);
        if (run.ExitCode != 0)
        {
            throw new InvalidOperationException($"The command failed: {run.Error}");
        }
    }

    static async Task<double> MedianAsync(Func<Task> work)
    {
        var times = new List<double>();
        for (var repetition = 0; repetition < Repetitions; repetition++)
        {
            var since = Stopwatch.GetTimestamp();
            await work();
            times.Add(Stopwatch.GetElapsedTime(since).TotalMilliseconds);
        }

        times.Sort();
        return times[Repetitions / 2];
    }

    static string Ratio(double value, double of) => string.Create(CultureInfo.InvariantCulture, $"{value / of:0.0} times as long");

    static void Row(string what, double milliseconds, string remark) =>
        Console.WriteLine(string.Create(CultureInfo.InvariantCulture, $"{what,-48} {milliseconds,8:0.0} ms  {remark}"));
}
