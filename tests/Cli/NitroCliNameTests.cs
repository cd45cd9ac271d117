using NitroEnclaves.Tests;

namespace NitroEnclaves.Cli.Tests;

/// <summary>The command behind a link called nitro-cli.</summary>
public sealed class NitroCliNameTests : IDisposable
{
    readonly TemporaryFolder _folder = new();

    string Link => Path.Combine(_folder.Path, "nitro-cli");

    public NitroCliNameTests() => File.CreateSymbolicLink(Link, NitroCommand.FilePath);

    public void Dispose() => _folder.Dispose();

    [Fact]
    public void It_tells_the_version_that_scripts_look_for() =>
        Assert.Equal("Nitro CLI 1.5.0\n", NitroCommand.RunAs(Link, ["--version"]).Succeeded());

    [Fact]
    public void Under_its_own_name_it_tells_its_own() => Assert.DoesNotContain("Nitro CLI", NitroCommand.Run("--version").Succeeded(), StringComparison.Ordinal);

    [Fact]
    public void It_starts_real_enclaves_only()
    {
        // On a machine with the driver this would ask for CPUs of its pool, which has not got that many.
        var result = NitroCommand.RunAs(
            Link, ["run-enclave", "--eif-path", TestVectors.Own("eif", "eif", "01_x86_1rd.eif"), "--memory", "64", "--cpu-count", "250"], "",
            ("NITRO_CLI_SOCKETS_PATH", _folder.Path));
        Assert.NotEqual(0, result.ExitCode);
        Assert.Contains("/dev/nitro_enclaves", result.Error, StringComparison.Ordinal);
        Assert.DoesNotContain("QEMU", result.Error, StringComparison.Ordinal);
    }

    [Fact]
    public void Setting_resources_aside_needs_the_driver_and_says_so()
    {
        var file = Path.Combine(_folder.Path, "allocator.yaml");
        File.WriteAllText(file, "---\nmemory_mib: 512\ncpu_count: 2\n");
        var result = NitroCommand.Run(["allocate", "--config", file]);
        Assert.Equal((1, ""), (result.ExitCode, result.Output));
        Assert.StartsWith("Error: /sys/module/nitro_enclaves", result.Error, StringComparison.Ordinal);
    }

    [Fact]
    public void The_allocator_under_AWSs_name_reads_AWSs_file_below_the_folder_of_an_installation()
    {
        var link = Path.Combine(_folder.Path, "nitro-enclaves-allocator");
        File.CreateSymbolicLink(link, NitroCommand.FilePath);
        var missing = NitroCommand.RunAs(link, [], "", ("NITRO_CLI_INSTALL_DIR", _folder.Path));
        Assert.Equal(1, missing.ExitCode);
        Assert.StartsWith($"Error: {_folder.Path}/etc/nitro_enclaves/allocator.yaml cannot be read", missing.Error, StringComparison.Ordinal);
        _folder.Write("etc/nitro_enclaves/allocator.yaml", "---\nmemory_mib: 512\ncpus: 2\n");
        Assert.Contains("allocator.yaml:3 has \"cpus\"", NitroCommand.RunAs(link, [], "", ("NITRO_CLI_INSTALL_DIR", _folder.Path)).Error, StringComparison.Ordinal);
    }
}
