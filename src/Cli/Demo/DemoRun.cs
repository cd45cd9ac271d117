using System.Security.Cryptography;
using System.Text;
using NitroEnclaves.Attestation;
using NitroEnclaves.Cli.Building;
using NitroEnclaves.Enclaves;
using NitroEnclaves.Images;

namespace NitroEnclaves.Cli.Demo;

/// <summary>The demo: set up, publish, build, run, talk, attest, verify, stop. All of it with real parts.</summary>
sealed class DemoRun(string checkout, TextWriter output)
{
    const ulong MemoryMiB = 512;
    const string SampleName = "Attester";

    readonly string _folder = Path.Combine(checkout, "artifacts", "demo");

    public async Task RunAsync(CancellationToken cancellationToken)
    {
        var log = new StepLog(output, isTerminal: !Console.IsOutputRedirected);
        var application = Path.Combine(_folder, "app");
        var image = Path.Combine(_folder, "attester.eif");
        var nonce = RandomNumberGenerator.GetBytes(32);
        using var authority = AttestationAuthority.OpenOrCreate(AttestationAuthority.DefaultFolder);
        BuiltImage built = null!;
        byte[] document = null!;
        string greeting = null!;

        Directory.CreateDirectory(_folder);
        await log.RunAsync("set up", () => SetUpAsync(cancellationToken), tellsItsProgress: true);
        await log.RunAsync("publish", () => PublishAsync(application, cancellationToken));
        await log.RunAsync("build", () => Task.Run<IReadOnlyList<string>>(async () =>
        {
            built = await new ImageRequest { Files = new RootFileSystemRequest { PublishFolder = application }, OutputFile = image }.BuildAsync(cancellationToken);
            return
            [
                $"{Path.GetRelativePath(Environment.CurrentDirectory, image)}, {new FileInfo(image).Length / 1e6:0.0} MB, kernel {built.KernelVersion}",
                $"PCR0 {built.Measurements.Pcr0}",
                $"PCR1 {built.Measurements.Pcr1}",
                $"PCR2 {built.Measurements.Pcr2}",
                .. built.KernelNote is { } note ? [note] : Array.Empty<string>(),
            ];
        }, cancellationToken));

        LaunchedEnclave enclave = null!;
        var engine = "";
        await log.RunAsync("run", async () =>
        {
            var progress = new FirstLine();
            var choice = DemoEngine.Choose(new QemuEngine().Probe(), new ProcessEngine().Probe);
            enclave = await EnclaveLauncher.ForThisProgram().StartAsync(
                new EnclaveOptions { EifPath = image, MemoryMiB = MemoryMiB, CpuCount = 1, Engine = choice.Choice, EndWithLauncher = true }, progress, cancellationToken);
            engine = progress.Line;
            return [$"{enclave.Info.EnclaveId}, CID {enclave.Info.EnclaveCid}: its heartbeat came", .. choice.Explanation is { } why ? [why] : Array.Empty<string>(), engine];
        });
        await using (enclave)
        {
            var service = new AttesterClient(new EnclaveRegistry(), enclave.Info.EnclaveCid);
            await log.RunAsync("talk", async () =>
            {
                (greeting, document) = await service.GreetAsync("demo", nonce, cancellationToken);
                return [$"vsock {enclave.Info.EnclaveCid}:{AttesterClient.Port} answers \"{greeting}\" with a document of {document.Length} bytes"];
            });
            await log.RunAsync("verify", () => Task.FromResult(Verify(document, built.Measurements, nonce, greeting, authority)));
            await log.RunAsync("stop", async () =>
            {
                await enclave.Client.TerminateAsync(cancellationToken);
                var end = await enclave.WaitAsync(cancellationToken);
                return [end.Explanation];
            });
        }

        await log.FinishAsync("A C# program ran as an enclave and proved which image it is:");
    }

    // Whoever sees this for the first time waits for no compiler: without the enclave kernel the image gets Debian's, and says so.
    async Task<IReadOnlyList<string>> SetUpAsync(CancellationToken cancellationToken)
    {
        var parts = await Tool.RunAsync(Path.Combine(checkout, "eng", "setup"), ["--quick"], cancellationToken);
        return [.. parts.Split('\n', StringSplitOptions.RemoveEmptyEntries)];
    }

    // dotnet publish leaves folders in the place for temporary files; here they go with it, or with the next run of the demo.
    async Task<IReadOnlyList<string>> PublishAsync(string application, CancellationToken cancellationToken)
    {
        var temporary = Path.Combine(_folder, "temporary");
        DeleteFolder(temporary);
        Directory.CreateDirectory(temporary);
        try
        {
            await Tool.RunAsync(
                "dotnet",
                ["publish", Path.Combine(checkout, "samples", SampleName), "-c", "Release", "-o", application, "-v", "quiet", "-nologo"],
                cancellationToken,
                temporary);
        }
        finally
        {
            DeleteFolder(temporary);
        }

        var files = new DirectoryInfo(application).GetFiles();
        return [$"samples/{SampleName}, a C# service: {files.Sum(file => file.Length) / 1e6:0.0} MB"];
    }

    static void DeleteFolder(string path)
    {
        if (Directory.Exists(path))
        {
            Directory.Delete(path, recursive: true);
        }
    }

    static IReadOnlyList<string> Verify(
        byte[] document, EifMeasurements measurements, byte[] nonce, string greeting, AttestationAuthority authority)
    {
        var policy = AttestationPolicy.ForImage(measurements.ToImageMeasurements())
            .WithNonce(nonce)
            .WithUserData(SHA384.HashData(Encoding.UTF8.GetBytes(greeting)))
            .WithMaximumAge(TimeSpan.FromMinutes(1));
        var verifier = new AttestationVerifier(new AttestationVerifierOptions { Roots = [authority.Root] });
        var attestation = verifier.Verify(document, policy).GetAttestation();
        return
        [
            $"genuine: made by {attestation.ModuleId} at {attestation.Timestamp.UtcDateTime:HH:mm:ss.fff} UTC",
            $"signature ES384 and chain of certificates to the local root (sha256 {attestation.RootSha256[..16]}...)",
            "nonce is ours, PCR0, 1 and 2 are those that the build printed, user data is the greeting's hash",
        ];
    }

    sealed class FirstLine : IProgress<string>
    {
        public string Line { get; private set; } = "";

        public void Report(string value)
        {
            if (Line.Length == 0)
            {
                Line = value;
            }
        }
    }
}
