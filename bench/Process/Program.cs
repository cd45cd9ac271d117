using NitroEnclaves.Process.Benchmarks;

// bench/Process [FILE]: what the process engine costs. FILE is the command that is measured (eng/single-file makes it); without it there is no row for
// its start, and the others measure the libraries in this program.
var folder = Directory.CreateTempSubdirectory("nitro-bench-").FullName;
try
{
    await new ProcessBenchmark(folder, args.Length > 0 ? Path.GetFullPath(args[0]) : null).RunAsync();
}
finally
{
    Directory.Delete(folder, recursive: true);
}
