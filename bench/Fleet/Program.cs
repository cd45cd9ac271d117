using System.Globalization;
using NitroEnclaves.Fleet.Benchmarks;

// bench/Fleet COMMAND [N]: how the commands get on with N enclaves (default 50) of the process engine. COMMAND is the nitro to measure.
if (args.Length == 0)
{
    Console.Error.WriteLine("Usage: NitroEnclaves.Fleet.Benchmarks COMMAND [N]");
    return 2;
}

var folder = Directory.CreateTempSubdirectory("nitro-fleet-").FullName;
try
{
    await using var fleet = new Fleet(folder, Path.GetFullPath(args[0]));
    await new FleetBenchmark(fleet, args.Length > 1 ? int.Parse(args[1], CultureInfo.InvariantCulture) : 50).RunAsync();
    return 0;
}
finally
{
    Directory.Delete(folder, recursive: true);
}
