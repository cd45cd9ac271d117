using NitroEnclaves.Enclaves;

namespace NitroEnclaves.EndToEnd.Tests;

/// <summary>The README's first command where no fit QEMU can be had: the one on PATH is none, and Debian's mirror is out of reach.</summary>
public sealed class DemoTests : IDisposable
{
    readonly string _folder = Directory.CreateTempSubdirectory("nitro-demo-").FullName;

    public void Dispose() => Directory.Delete(_folder, recursive: true);

    [Fact(Timeout = 300_000)]
    public async Task Without_a_fit_qemu_it_succeeds_all_the_same_and_says_which_engine_it_took_and_why()
    {
        await using var host = new EnclaveHost(EngineChoice.Process);
        // All that a set-up has brought but QEMU.
        var cache = Directory.CreateDirectory(Path.Combine(_folder, "cache", "nitro-enclaves")).FullName;
        foreach (var part in (string[])["kernel", "enclave-kernel", "runtime-libraries"])
        {
            Directory.CreateSymbolicLink(Path.Combine(cache, part), Checkout.InCache(part));
        }

        var binaries = Directory.CreateDirectory(Path.Combine(_folder, "bin")).FullName;
        await File.WriteAllTextAsync(Path.Combine(binaries, "qemu-system-x86_64"), "#!/bin/sh\nexit 1\n", TestContext.Current.CancellationToken);
        await Tool.RunAsync("chmod", ["+x", Path.Combine(binaries, "qemu-system-x86_64")]);
        var environment = host.Environment;
        environment["XDG_CACHE_HOME"] = Path.Combine(_folder, "cache");
        environment["XDG_DATA_HOME"] = Path.Combine(_folder, "data");
        environment["DEBIAN_MIRROR"] = "http://127.0.0.1:9/debian";
        environment["PATH"] = $"{binaries}:{Environment.GetEnvironmentVariable("PATH")}";

        var demo = await Tool.TryRunAsync(Checkout.Command, ["demo"], environment);
        Assert.True(demo.ExitCode == 0, $"{demo.Output}{demo.Error}");
        Assert.Contains("The process engine runs the enclave, because QEMU cannot: ", demo.Output, StringComparison.Ordinal);
        Assert.Contains(ProcessEngine.Warning, demo.Output, StringComparison.Ordinal);
        Assert.Contains("nonce is ours, PCR0, 1 and 2 are those that the build printed", demo.Output, StringComparison.Ordinal);
        Assert.Contains("\nA C# program ran as an enclave and proved which image it is:", demo.Output, StringComparison.Ordinal);
        await host.AssertNothingLeftAsync();
    }
}
