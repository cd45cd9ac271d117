using NitroEnclaves.Attestation;
using NitroEnclaves.Enclaves;
using NitroEnclaves.Images;

namespace NitroEnclaves.EndToEnd.Tests;

/// <summary>A public base system, packed by another's tools, becomes an enclave: Debian's minbase as docker save writes it.</summary>
public sealed class ContainerImageTests(SampleImage sample)
{
    [Fact(Timeout = 480_000)]
    public async Task A_base_system_from_docker_save_boots_with_all_its_files_and_attests()
    {
        Assert.NotNull(sample.Image);
        await Tool.RunAsync(Checkout.In("tests", "EndToEnd", "base-system"), []);
        var baseSystem = Checkout.InCache("base-system", "current");
        using var container = ContainerImage.Open(Path.Combine(baseSystem, "image.tar"), cancellationToken: TestContext.Current.CancellationToken);
        var program = await GuestPrograms.CompileAsync("list");
        container.RootFileSystem.Set("usr/bin/list", FileNode.RegularFile(FileContent.FromFile(program), (UnixFileMode)0x1ED)); // 0755
        // The sample runs on the base system's own C libraries.
        container.RootFileSystem.Set("opt/Attester", FileNode.RegularFile(FileContent.FromFile(Path.Combine(SampleImage.Published, "Attester")), (UnixFileMode)0x1ED));
        var image = GuestImage.Build("debian", container.RootFileSystem, new ProgramDescription { Command = ["/usr/bin/list", "/opt/Attester"] });
        var expected = await FileListing.OfTarAsync(
            Path.Combine(baseSystem, "root.tar"), await AddedAsync("usr/bin/list", program), await AddedAsync("opt/Attester", Path.Combine(SampleImage.Published, "Attester")));
        Assert.True(expected.Length > 2000, $"A base system has more than {expected.Length} files.");

        await using var host = new EnclaveHost();
        await using var enclave = await host.StartAsync(host.Options(image.Path) with { MemoryMiB = 768 });
        Assert.Equal(expected, await FileListing.ReadAsync(host, enclave.Info));

        var answer = await AttestedGreeting.AskAsync(host, enclave.Info, "Ian");
        var verifier = new AttestationVerifier(new AttestationVerifierOptions { Roots = [host.Authority.Root] });
        var policy = answer.Bind(AttestationPolicy.ForImage(new ImageMeasurements(image.Measurements.Pcr0, image.Measurements.Pcr1, image.Measurements.Pcr2)));
        Assert.Equal(enclave.Info.EnclaveId, verifier.Verify(answer.Document, policy).GetAttestation().ModuleId);
        await enclave.Client.TerminateAsync(TestContext.Current.CancellationToken);
        await host.AssertNothingLeftAsync();
    }

    static async Task<(string Path, string Fields)> AddedAsync(string path, string file) =>
        (path, FileListing.Fields('-', "755", await File.ReadAllBytesAsync(file, TestContext.Current.CancellationToken)));
}
