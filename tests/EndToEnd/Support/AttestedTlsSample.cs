using NitroEnclaves.Attestation;
using NitroEnclaves.Enclaves;
using NitroEnclaves.Images;

namespace NitroEnclaves.EndToEnd.Tests;

/// <summary>The sample whose service speaks attested TLS: its server in images that bring their guest into a state, and its client.</summary>
public sealed class AttestedTlsSample(SampleImage sample) : IAsyncLifetime
{
    const string Program = "AttestedTls.Server";

    static readonly string s_published = Path.Combine(Checkout.Scratch, "attested-tls");
    static readonly string s_client = Checkout.In("artifacts", "bin", "AttestedTls.Client", "release", "AttestedTls.Client");

    string _states = "";

    /// <summary>Publishes the server.</summary>
    public async ValueTask InitializeAsync()
    {
        Assert.NotNull(sample.Image);
        await Tool.RunAsync(
            "dotnet", ["publish", Checkout.In("samples", "AttestedTls", "Server"), "-c", "Release", "-o", s_published, "-v", "quiet", "-nologo"]);
        _states = await GuestPrograms.CompileAsync("state");
    }

    /// <summary>An image of the server.</summary>
    /// <param name="name">The image's name.</param>
    /// <param name="states">What <c>Guests/state.c</c> does before the server starts.</param>
    /// <param name="environment">The image's environment.</param>
    /// <param name="kernel">The kernel.</param>
    /// <param name="commandLine">The kernel's command line; null for the ordinary one.</param>
    internal GuestImage Build(
        string name, string[] states, string[] environment, KernelKind kernel = KernelKind.Enclave, string? commandLine = null)
    {
        var root = RootFileSystem.FromFolder(Checkout.RuntimeLibraries);
        root.Set($"app/{Program}", Executable(Path.Combine(s_published, Program)));
        root.Set("bin/state", Executable(_states));
        return GuestImage.Build(
            name, root, new ProgramDescription { Command = ["/bin/state", .. states, "--", $"/app/{Program}"], Environment = environment }, kernel, commandLine);
    }

    /// <summary>Runs the client against an enclave, which has to be one of an image, once its server listens.</summary>
    internal static async Task<ToolResult> AskAsync(EnclaveHost host, EnclaveRunInfo enclave, AttestationPolicy policy, string path)
    {
        await (await host.ConnectAsync(enclave, 8443)).DisposeAsync();
        var folder = Directory.CreateDirectory(Path.Combine(host.TemporaryPath, "client")).FullName;
        var (policyFile, rootFile) = (Path.Combine(folder, "policy.json"), Path.Combine(folder, "root.pem"));
        await File.WriteAllTextAsync(policyFile, policy.ToJson(), TestContext.Current.CancellationToken);
        await File.WriteAllTextAsync(rootFile, host.Authority.ExportRootCertificatePem(), TestContext.Current.CancellationToken);
        var result = await Tool.TryRunAsync(s_client, [$"{enclave.EnclaveCid}", policyFile, path, rootFile], host.Environment);
        Directory.Delete(folder, recursive: true);
        return result;
    }

    /// <inheritdoc/>
    public ValueTask DisposeAsync() => ValueTask.CompletedTask;

    static FileNode Executable(string file) => FileNode.RegularFile(FileContent.FromFile(file), UnixFileMode.UserExecute | UnixFileMode.UserRead);
}
