using NitroEnclaves.Proxy.Benchmarks;

// bench/Proxy NITRO [SOCAT]: what an enclave's connections cost through `nitro vsock-proxy`, beside socat and beside no proxy. NITRO is the command
// (eng/single-file makes it), SOCAT another file than the one on PATH. A Unix socket stands for the vsock, as with emulated enclaves.
if (args.Length == 0)
{
    Console.Error.WriteLine("Name the command: bench/Proxy artifacts/single-file/nitro [SOCAT]");
    return 2;
}

var folder = Directory.CreateTempSubdirectory("nitro-bench-").FullName;
try
{
    using var benchmark = new ProxyBenchmark(folder, Path.GetFullPath(args[0]), args.ElementAtOrDefault(1) ?? "socat");
    await benchmark.RunAsync();
    return 0;
}
finally
{
    Directory.Delete(folder, recursive: true);
}
