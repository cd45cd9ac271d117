using NitroEnclaves.Images.Benchmarks;

// Not by BenchmarkDotNet: an operation takes a third of a second and the goal is a ratio, so that the two are taken in turns,
// and the peak of the process's memory is part of the goal.
return LargeImageBenchmark.Run(args);
