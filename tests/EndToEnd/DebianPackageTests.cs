using System.Text.RegularExpressions;
using NitroEnclaves.Enclaves;
using NitroEnclaves.Proxy;

namespace NitroEnclaves.EndToEnd.Tests;

/// <summary>The package for parent instances holds what an operator expects of nitro-cli's, and its parts fit each other.</summary>
public sealed class DebianPackageTests
{
    [Fact(Timeout = 900_000)]
    public async Task It_holds_the_command_under_both_names_and_what_parent_instances_need()
    {
        var root = await DebianPackage.RootAsync();
        Assert.Equal("Nitro CLI 1.5.0", (await Tool.RunAsync(Path.Combine(root, "usr/bin/nitro-cli"), ["--version"])).Trim());
        Assert.DoesNotContain("Nitro CLI", await Tool.RunAsync(Path.Combine(root, "usr/bin/nitro"), ["--version"]), StringComparison.Ordinal);

        var configuration = AllocatorConfiguration.Load(root + AllocatorConfiguration.DefaultPath);
        Assert.Equal((512ul, 2u), (configuration.MemoryMiB, configuration.CpuCount));
        var allowlist = ProxyAllowlistFile.Load(root + ProxyAllowlistFile.DefaultPath);
        Assert.True(ProxyTarget.TryParse("kms.eu-central-1.amazonaws.com:443", out var kms) && allowlist.Allows(kms));
        Assert.True(ProxyTarget.TryParse("example.com:443", out var other) && !allowlist.Allows(other));

        var units = Directory.GetFiles(Path.Combine(root, "usr/lib/systemd/system"));
        Assert.Equal(
            ["nitro-enclave@.service", "nitro-enclaves-allocator.service", "nitro-enclaves-vsock-proxy.service"],
            units.Select(Path.GetFileName).Order(StringComparer.Ordinal));
        foreach (var line in units.SelectMany(File.ReadLines).Where(line => line.StartsWith("Exec", StringComparison.Ordinal)))
        {
            // Each unit calls a command that is in the package and knows the verb.
            var command = Regex.Match(line, @"^Exec\w+=(?<program>\S+) (?<verb>[a-z-]+)");
            var help = await Tool.TryRunAsync(root + command.Groups["program"].Value, [command.Groups["verb"].Value, "--help"]);
            Assert.True(help.ExitCode == 0, $"{line}\n{help}");
        }

        Assert.Contains("GROUP=\"ne\"", await File.ReadAllTextAsync(Path.Combine(root, "usr/lib/udev/rules.d/99-nitro_enclaves.rules"), TestContext.Current.CancellationToken), StringComparison.Ordinal);
    }
}
