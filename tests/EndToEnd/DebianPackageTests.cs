using System.Net.Http.Json;
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
        Assert.Equal("Vsock-TCP proxy 1.0.2", (await Tool.RunAsync(Path.Combine(root, "usr/bin/vsock-proxy"), ["--version"])).Trim());
        Assert.Contains("--config", await Tool.RunAsync(Path.Combine(root, "usr/bin/nitro-enclaves-allocator"), ["--help"]), StringComparison.Ordinal);
        Assert.DoesNotContain("Nitro CLI", await Tool.RunAsync(Path.Combine(root, "usr/bin/nitro"), ["--version"]), StringComparison.Ordinal);

        var configuration = AllocatorConfiguration.Load(root + AllocatorConfiguration.DefaultPath);
        Assert.Equal((512ul, 2u), (configuration.MemoryMiB, configuration.CpuCount));
        var allowlist = ProxyAllowlistFile.Load(root + ProxyAllowlistFile.DefaultPath);
        Assert.True(ProxyTarget.TryParse("kms.eu-central-1.amazonaws.com:443", out var kms) && allowlist.Allows(kms));
        Assert.True(ProxyTarget.TryParse("example.com:443", out var other) && !allowlist.Allows(other));

        var units = Directory.GetFiles(Path.Combine(root, "usr/lib/systemd/system"));
        Assert.Equal(
            ["nitro-enclave@.service", "nitro-enclaves-allocator.service", "nitro-enclaves-serve.service", "nitro-enclaves-vsock-proxy.service"],
            units.Select(Path.GetFileName).Order(StringComparer.Ordinal));
        foreach (var line in units.SelectMany(File.ReadLines).Where(line => line.StartsWith("Exec", StringComparison.Ordinal) && line.Contains("=/usr/bin/", StringComparison.Ordinal)))
        {
            // Each unit calls a command that is in the package and knows the verb.
            var command = Regex.Match(line, @"^Exec\w+=(?<program>\S+) (?<verb>[a-z-]+)");
            var help = await Tool.TryRunAsync(root + command.Groups["program"].Value, [command.Groups["verb"].Value, "--help"]);
            Assert.True(help.ExitCode == 0, $"{line}\n{help}");
        }

        Assert.Contains("GROUP=\"ne\"", await File.ReadAllTextAsync(Path.Combine(root, "usr/lib/udev/rules.d/99-nitro_enclaves.rules"), TestContext.Current.CancellationToken), StringComparison.Ordinal);
    }

    [Fact(Timeout = 900_000)]
    public async Task Its_server_runs_an_enclave_for_the_group_and_tells_a_collector_of_it()
    {
        await using var collector = OtlpCollector.Start();
        var root = await DebianPackage.RootAsync();
        await using var host = new EnclaveHost(EngineChoice.Process);
        var image = await GuestImage.FromProgramAsync("program");
        var socketPath = Path.Combine(host.Folder, "http");
        using var server = await ServeProgram.StartAsync(
            host, Path.Combine(root, "usr/bin/nitro"), ["serve", "--engine", "process", "--group-access", "--socket", socketPath],
            ("OTEL_EXPORTER_OTLP_ENDPOINT", $"{collector.Endpoint}"), ("OTEL_EXPORTER_OTLP_PROTOCOL", "http/protobuf"), ("OTEL_RESOURCE_ATTRIBUTES", "host.name=parent"));
        Assert.Equal("660", (await Tool.RunAsync("stat", ["-c", "%a", socketPath])).Trim());
        using var http = ServeProgram.Client(socketPath);
        using var started = await http.PostAsJsonAsync("/v1/enclaves", new { eifPath = image.Path, memoryMiB = 256, enclaveName = "packaged" }, TestContext.Current.CancellationToken);
        Assert.True(started.IsSuccessStatusCode, await started.Content.ReadAsStringAsync(TestContext.Current.CancellationToken));
        Assert.Contains("nitro_enclave_running{engine=\"process\"} 1\n", await http.GetStringAsync("/metrics", TestContext.Current.CancellationToken), StringComparison.Ordinal);
        using var ended = await http.DeleteAsync("/v1/enclaves/packaged", TestContext.Current.CancellationToken);
        Assert.True(ended.IsSuccessStatusCode, await ended.Content.ReadAsStringAsync(TestContext.Current.CancellationToken));
        Assert.Equal(0, await ServeProgram.EndAsync(server));
        foreach (var (path, name) in new[] { ("/v1/traces", "run enclave"), ("/v1/traces", "terminate enclave"), ("/v1/traces", "parent"), ("/v1/metrics", "nitro.enclave.starts"), ("/v1/metrics", "nitro-serve") })
        {
            Assert.Contains(name, collector.Received(path), StringComparison.Ordinal);
        }

        await host.AssertNothingLeftAsync();
    }

    [Fact(Timeout = 900_000)]
    public async Task Systemd_takes_its_units_its_group_and_its_folders()
    {
        await Tool.RunAsync(Checkout.In("eng", "systemd"), []);
        var root = await DebianPackage.RootAsync();
        var folder = Directory.CreateTempSubdirectory("units-").FullName;
        try
        {
            var units = Directory.GetFiles(Path.Combine(root, "usr/lib/systemd/system"));
            foreach (var name in units.Select(Path.GetFileName).OfType<string>())
            {
                // Units name each other: all of them are there, and only the one that is looked at is broken afterwards.
                var of = Directory.CreateDirectory(Path.Combine(folder, name + ".d")).FullName;
                foreach (var unit in units)
                {
                    // The programs lie where the package was unpacked; all else stays.
                    var text = (await File.ReadAllTextAsync(unit, TestContext.Current.CancellationToken)).Replace("=/usr/bin/", $"={root}/usr/bin/", StringComparison.Ordinal);
                    await File.WriteAllTextAsync(Path.Combine(of, Path.GetFileName(unit)), text, TestContext.Current.CancellationToken);
                }

                var path = Path.Combine(of, name);
                Assert.Equal("", await VerifyAsync(path));
                var whole = await File.ReadAllTextAsync(path, TestContext.Current.CancellationToken);
                await File.WriteAllTextAsync(path, whole.Replace("[Service]\n", "[Service]\nNoSuchKey=1\n", StringComparison.Ordinal), TestContext.Current.CancellationToken);
                Assert.Contains("NoSuchKey", await VerifyAsync(path), StringComparison.Ordinal);
            }

            var target = Path.Combine(folder, "root");
            foreach (var list in (string[])["usr/lib/sysusers.d/nitro-enclaves.conf", "usr/lib/tmpfiles.d/nitro-enclaves.conf"])
            {
                Directory.CreateDirectory(Path.GetDirectoryName(Path.Combine(target, list))!);
                File.Copy(Path.Combine(root, list), Path.Combine(target, list));
            }

            Directory.CreateDirectory(Path.Combine(target, "etc"));
            await Tool.RunAsync("systemd-sysusers", [$"--root={target}"]);
            var user = (await File.ReadAllLinesAsync(Path.Combine(target, "etc/passwd"), TestContext.Current.CancellationToken)).Single(line => line.StartsWith("nitro-enclaves:", StringComparison.Ordinal)).Split(':');
            await File.WriteAllTextAsync(Path.Combine(target, "etc/passwd"), "root:x:0:0::/:/bin/sh\n", TestContext.Current.CancellationToken);
            await Tool.RunAsync("systemd-tmpfiles", [$"--root={target}", "--create", "nitro-enclaves.conf"]);
            var group = (await File.ReadAllLinesAsync(Path.Combine(target, "etc/group"), TestContext.Current.CancellationToken)).Single(line => line.StartsWith("ne:", StringComparison.Ordinal)).Split(':')[2];
            Assert.Equal(group, user[3]);
            foreach (var (made, mode) in new[] { ("run/nitro_enclaves", "775"), ("var/log/nitro_enclaves", "2775") })
            {
                Assert.Equal($"{mode} 0 {group}", (await Tool.RunAsync("stat", ["-c", "%a %u %g", Path.Combine(target, made)])).Trim());
            }
        }
        finally
        {
            Directory.Delete(folder, recursive: true);
        }
    }

    static async Task<string> VerifyAsync(string unit)
    {
        var result = await Tool.TryRunAsync("systemd-analyze", ["verify", "--man=no", unit]);
        return $"{result.Output}{result.Error}{(result.ExitCode == 0 ? "" : $"exit code {result.ExitCode}")}";
    }
}
