using System.Text.Json;
using NitroEnclaves.Enclaves;

namespace NitroEnclaves.EndToEnd.Tests;

/// <summary>The command from the checkout, as a shell calls it: what it prints and how it exits.</summary>
public sealed class CommandTests(SampleImage sample)
{
    static readonly string[] s_runKeys = ["EnclaveName", "EnclaveID", "ProcessID", "EnclaveCID", "NumberOfCPUs", "CPUIDs", "MemoryMiB"];

    [Fact(Timeout = 240_000)]
    public async Task An_enclave_lives_from_run_enclave_to_terminate_enclave()
    {
        await using var host = new EnclaveHost();
        var id = host.NewModuleId();
        var run = await NitroAsync(
            host, 0, "run-enclave", "--eif-path", sample.Image.Path, "--memory", "512", "--cpu-count", "1", "--enclave-cid", "77", "--debug-mode",
            "--engine", "qemu", "--module-id", id, "--authority", host.AuthorityPath);
        var info = JsonSerializer.Deserialize<EnclaveRunInfo>(run.Output)!;
        Assert.Equal(s_runKeys, Keys(run.Output));
        Assert.Equal(("attester", id, 77U, 512UL), (info.EnclaveName, info.EnclaveId, info.EnclaveCid, info.MemoryMiB));
        Assert.Contains("Started enclave with enclave-cid: 77, memory: 512 MiB, cpu-ids: [0]", run.Error, StringComparison.Ordinal);

        var described = await NitroAsync(host, 0, "describe-enclaves");
        using (var list = JsonDocument.Parse(described.Output))
        {
            var enclave = Assert.Single(list.RootElement.EnumerateArray());
            Assert.Equal([.. s_runKeys, "State", "Flags", "Measurements"], enclave.EnumerateObject().Select(member => member.Name).Take(10));
            Assert.Equal(("RUNNING", "DEBUG_MODE"), (enclave.GetProperty("State").GetString(), enclave.GetProperty("Flags").GetString()));
        }

        await VerifyAsync(host, await AttestedGreeting.AskAsync(host, info, "Barbara"));

        var console = await NitroAsync(host, 0, "console", "--enclave-name", "attester", "--disconnect-timeout", "1");
        Assert.StartsWith("Connecting to the console for enclave 77...\nSuccessfully connected to the console.\n", console.Output, StringComparison.Ordinal);
        Assert.Contains($"Attester of {id} answers", console.Output, StringComparison.Ordinal);

        var terminate = await NitroAsync(host, 0, "terminate-enclave", "--enclave-id", id);
        Assert.Equal(["EnclaveName", "EnclaveID", "Terminated"], Keys(terminate.Output));
        Assert.Contains($"Successfully terminated enclave {id}.", terminate.Error, StringComparison.Ordinal);
        Assert.Equal("[]", (await NitroAsync(host, 0, "describe-enclaves")).Output.Trim());
        await host.AssertNothingLeftAsync();
    }

    [Fact(Timeout = 120_000)]
    public async Task Misuse_is_one_line_and_an_exit_code()
    {
        await using var host = new EnclaveHost();
        var absent = Path.Combine(host.TemporaryPath, "absent.eif");
        string[] start = ["run-enclave", "--cpu-count", "1", "--authority", host.AuthorityPath];
        await RefuseAsync(host, 19, [.. start, "--eif-path", absent, "--memory", "512"]);
        await RefuseAsync(host, 3, [.. start, "--eif-path", sample.Image.Path, "--memory", "much"]);
        await RefuseAsync(host, 26, [.. start, "--eif-path", sample.Image.Path, "--memory", "16"]);
        await RefuseAsync(host, 35, [.. start, "--eif-path", GuestParts.Kernel(KernelKind.Enclave), "--memory", "512"]);
        await RefuseAsync(host, 3, [.. start, "--eif-path", sample.Image.Path, "--memory", "512", "--enclave-cid", "3"]);
        await RefuseAsync(host, 11, "terminate-enclave", "--enclave-id", host.NewModuleId());
        await RefuseAsync(host, 58, "console", "--enclave-name", "nobody");
        Assert.Contains("--memory", (await NitroAsync(host, 2, "run-enclave", "--eif-path", absent)).Error, StringComparison.Ordinal);
        Assert.Equal("[]", (await NitroAsync(host, 0, "describe-enclaves")).Output.Trim());
        await host.AssertNothingLeftAsync();
    }

    static async Task VerifyAsync(EnclaveHost host, AttestedGreeting answer)
    {
        var folder = Directory.CreateTempSubdirectory("nitro-e2e-document-");
        try
        {
            var (document, root) = (Path.Combine(folder.FullName, "document.bin"), Path.Combine(folder.FullName, "root.pem"));
            await File.WriteAllBytesAsync(document, answer.Document, TestContext.Current.CancellationToken);
            await File.WriteAllTextAsync(root, host.Authority.ExportRootCertificatePem(), TestContext.Current.CancellationToken);
            string[] verify = ["attest", "verify", "--document", document, "--root", root, "--no-policy", "--nonce", Convert.ToHexStringLower(answer.Nonce)];
            var verified = await NitroAsync(host, 0, [.. verify, "--allow-debug"]);
            Assert.StartsWith("verified", verified.Output, StringComparison.Ordinal);
            Assert.Contains("DEBUG MODE", verified.Output, StringComparison.Ordinal);
            Assert.Contains("DebugMode", (await NitroAsync(host, 1, verify)).Output, StringComparison.Ordinal);
            Assert.Contains("UntrustedRoot", (await NitroAsync(host, 1, "attest", "verify", "--document", document, "--no-policy")).Output, StringComparison.Ordinal);
            await NitroAsync(host, 2, "attest", "verify", "--document", document);
        }
        finally
        {
            folder.Delete(recursive: true);
        }
    }

    static async Task RefuseAsync(EnclaveHost host, int code, params string[] arguments)
    {
        var result = await NitroAsync(host, code, arguments);
        Assert.StartsWith($"[ E{code:00} ] ", result.Error.Split('\n', StringSplitOptions.RemoveEmptyEntries).Last(), StringComparison.Ordinal);
        Assert.Empty(result.Output);
    }

    static async Task<ToolResult> NitroAsync(EnclaveHost host, int exitCode, params string[] arguments)
    {
        var result = await Tool.TryRunAsync(Checkout.Command, arguments, host.Environment);
        Assert.True(result.ExitCode == exitCode, $"nitro {string.Join(' ', arguments)} ended with {result.ExitCode}, not {exitCode}.\n{result.Output}{result.Error}");
        return result;
    }

    static IEnumerable<string> Keys(string json)
    {
        using var document = JsonDocument.Parse(json);
        return [.. document.RootElement.EnumerateObject().Select(member => member.Name)];
    }
}
