namespace NitroEnclaves.Fleet.Benchmarks;

/// <summary>How a run of the command went.</summary>
/// <param name="ExitCode">Its exit status.</param>
/// <param name="Error">What it said on standard error.</param>
/// <param name="Elapsed">From its start to its end.</param>
sealed record CommandRun(int ExitCode, string Error, TimeSpan Elapsed);
