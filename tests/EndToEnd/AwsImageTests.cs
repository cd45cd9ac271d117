using System.Text;
using NitroEnclaves.Attestation;
using NitroEnclaves.Enclaves;
using NitroEnclaves.Images;
using NitroEnclaves.Nsm;

namespace NitroEnclaves.EndToEnd.Tests;

/// <summary>Images that carry another init, by AWS's rules, start as well.</summary>
public sealed class AwsImageTests(SampleImage sample)
{
    [Theory(Timeout = 180_000)]
    [InlineData(KernelKind.Enclave)]
    [InlineData(KernelKind.Debian)]
    public async Task An_image_by_AWS_rules_starts_and_ends_with_an_unknown_status(KernelKind kernel)
    {
        await using var host = new EnclaveHost();
        var program = await GuestPrograms.CompileAsync("program");
        var folder = Directory.CreateDirectory(Path.Combine(Checkout.Scratch, $"aws-root-{kernel}"));
        File.Copy(program, Path.Combine(folder.CreateSubdirectory("bin").FullName, "guest"), overwrite: true);
        var image = await AwsImage.BuildAsync(
            "aws", kernel, new ProgramDescription { Command = [GuestImage.ProgramPath, "argument"], Environment = ["NAME=value"] }, folder.FullName);

        await using var enclave = await host.StartAsync(host.Options(image.Path) with { DebugMode = true });
        var following = GuestConsole.FollowAsync(enclave.Client);
        await using (var connection = await host.ConnectAsync(enclave.Info, 5000))
        {
            await connection.Stream.WriteAsync(Encoding.ASCII.GetBytes("exit 42"), TestContext.Current.CancellationToken);
            var end = await enclave.WaitAsync(TestContext.Current.CancellationToken);
            Assert.Equal((EnclaveEndKind.Unknown, null), (end.Kind, end.Status));
        }

        var console = await following;
        Assert.Contains("argument 1: argument\n", console, StringComparison.Ordinal);
        Assert.Contains("variable: NAME=value\n", console, StringComparison.Ordinal);
        Assert.Contains("child exited with error", console, StringComparison.Ordinal);
        await host.AssertNothingLeftAsync();
    }

    [Fact(Timeout = 180_000)]
    public async Task The_sample_is_started_by_AWS_rules_and_attests()
    {
        await using var host = new EnclaveHost();
        var folder = Directory.CreateDirectory(Path.Combine(Checkout.Scratch, "aws-sample", "app"));
        foreach (var file in Directory.GetFiles(SampleImage.Published))
        {
            File.Copy(file, Path.Combine(folder.FullName, Path.GetFileName(file)), overwrite: true);
        }

        Assert.NotNull(sample.Image);
        var image = await AwsImage.BuildAsync(
            "aws-attester", KernelKind.Enclave, new ProgramDescription { Command = ["/app/Attester"] }, Checkout.RuntimeLibraries, folder.Parent!.FullName);
        await using var enclave = await host.StartAsync(host.Options(image.Path) with { MemoryMiB = 512 });
        var answer = await AttestedGreeting.AskAsync(host, enclave.Info, "Edsger");
        var verifier = new AttestationVerifier(new AttestationVerifierOptions { Roots = [host.Authority.Root] });
        var policy = answer.Bind(AttestationPolicy.ForPcrs(new KeyValuePair<int, PcrValue>(0, image.Measurements.Pcr0)));
        Assert.Equal(enclave.Info.EnclaveId, verifier.Verify(answer.Document, policy).GetAttestation().ModuleId);
        await enclave.Client.TerminateAsync(TestContext.Current.CancellationToken);
        await host.AssertNothingLeftAsync();
    }
}
