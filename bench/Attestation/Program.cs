using BenchmarkDotNet.Configs;
using BenchmarkDotNet.Jobs;
using BenchmarkDotNet.Running;
using BenchmarkDotNet.Toolchains.InProcess.Emit;
using NitroEnclaves.Attestation.Benchmarks;

// dotnet run -c Release --project bench/Attestation goals: the library's goals as ratios, in some seconds; else BenchmarkDotNet's options.
if (args is ["goals"])
{
    using var goals = new Goals();
    return goals.Run();
}

// In this process: the checkout keeps its output in one folder, where projects that BenchmarkDotNet would generate are not found.
BenchmarkSwitcher.FromAssembly(typeof(DocumentFixture).Assembly).Run(
    args, DefaultConfig.Instance.AddJob(Job.ShortRun.WithToolchain(InProcessEmitToolchain.Instance)));
return 0;
