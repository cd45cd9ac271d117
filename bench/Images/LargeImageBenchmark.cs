using System.Diagnostics;
using System.Globalization;
using System.Security.Cryptography;

namespace NitroEnclaves.Images.Benchmarks;

/// <summary>
/// Building and describing an image of 256 MiB, as ratios to one SHA-384 pass over the same bytes in the same process: the least
/// that anybody can do who wants PCR0. Rounds of the three in turns; the median of the ratios counts.
/// </summary>
static class LargeImageBenchmark
{
    const int Mebibyte = 1 << 20;
    const int ImageMebibytes = 256;
    const int KernelMebibytes = 16;
    const int InitMebibytes = 8;
    const double RatioGoal = 1.15;
    const int MemoryGoalMebibytes = 64;

    /// <summary>Measures; exit code 0 where the goals are reached.</summary>
    public static int Run(string[] arguments)
    {
        var rounds = arguments is [var count] ? int.Parse(count, CultureInfo.InvariantCulture) : 15;
        var folder = Directory.CreateTempSubdirectory("nitro-images-bench-").FullName;
        try
        {
            var image = Path.Combine(folder, "image.eif");
            var builder = CreateBuilder(folder);
            var (building, describing) = (new List<Cost>(), new List<Cost>());
            double pass = 0;
            for (var round = -1; round < rounds; round++)
            {
                File.Delete(image);
                var build = Measure(() => builder.Build(image));
                var hash = Measure(() => HashFile(image));
                var describe = Measure(() => Describe(image));
                if (round >= 0)
                {
                    building.Add(build.RelativeTo(hash));
                    describing.Add(describe.RelativeTo(hash));
                    pass += hash.Wall / rounds;
                }
            }

            var memory = Process.GetCurrentProcess().PeakWorkingSet64 / Mebibyte;
            var (built, described) = (Median(building, cost => cost.Wall), Median(describing, cost => cost.Wall));
            Print($"SHA-384 of {ImageMebibytes} MiB from a file: {pass * 1000:0} ms, {ImageMebibytes / pass:0} MiB/s ({rounds} rounds)");
            Print($"build:    {built:0.00} times that (goal {RatioGoal:0.00}), {Median(building, cost => cost.Processor):0.00} times its processor time");
            Print($"describe: {described:0.00} times that (goal {RatioGoal:0.00}), {Median(describing, cost => cost.Processor):0.00} times its processor time");
            Print($"peak of the process's memory: {memory} MiB (goal {MemoryGoalMebibytes})");
            return built <= RatioGoal && described <= RatioGoal && memory <= MemoryGoalMebibytes ? 0 : 1;
        }
        finally
        {
            Directory.Delete(folder, recursive: true);
        }
    }

    static EifBuilder CreateBuilder(string folder) => new()
    {
        Kernel = WriteRandom(folder, "kernel", KernelMebibytes),
        CommandLine = EnclaveImageBuilder.DefaultCommandLine,
        Ramdisks = [WriteRandom(folder, "init", InitMebibytes), WriteRandom(folder, "application", ImageMebibytes - KernelMebibytes - InitMebibytes)],
        Metadata = EifMetadata.Parse("""{"ImageName":"bench","ImageVersion":"1","BuildMetadata":{"BuildTime":"","BuildTool":"","BuildToolVersion":"","OperatingSystem":"","KernelVersion":""},"DockerInfo":null,"CustomMetadata":null}"""u8.ToArray()),
    };

    static EifSectionContent WriteRandom(string folder, string name, int mebibytes)
    {
        var path = Path.Combine(folder, name);
        var block = new byte[Mebibyte];
        using (var file = File.Create(path))
        {
            for (var i = 0; i < mebibytes; i++)
            {
                RandomNumberGenerator.Fill(block);
                file.Write(block);
            }
        }

        return EifSectionContent.FromFile(path);
    }

    static void HashFile(string path)
    {
        using var file = File.OpenHandle(path);
        using var hash = IncrementalHash.CreateHash(HashAlgorithmName.SHA384);
        var buffer = new byte[1 << 19];
        long offset = 0;
        for (int read; (read = RandomAccess.Read(file, buffer, offset)) > 0; offset += read)
        {
            hash.AppendData(buffer, 0, read);
        }

        hash.GetHashAndReset();
    }

    static void Describe(string path)
    {
        using var image = EifFile.Open(path);
        NitroCliJson.Describe(EifDescription.Read(image));
    }

    // Processor time tells on a machine that is busy with other things, where wall time says little.
    static Cost Measure(Action action)
    {
        var before = Environment.CpuUsage.TotalTime;
        var watch = Stopwatch.StartNew();
        action();
        return new Cost(watch.Elapsed.TotalSeconds, (Environment.CpuUsage.TotalTime - before).TotalSeconds);
    }

    static double Median(List<Cost> costs, Func<Cost, double> value) => costs.Select(value).Order().ElementAt(costs.Count / 2);

    sealed record Cost(double Wall, double Processor)
    {
        public Cost RelativeTo(Cost other) => new(Wall / other.Wall, Processor / other.Processor);
    }

    static void Print(FormattableString line) => Console.WriteLine(line.ToString(CultureInfo.InvariantCulture));
}
