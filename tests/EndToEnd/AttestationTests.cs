using System.Text.Json;
using NitroEnclaves.Attestation;
using NitroEnclaves.Enclaves;
using NitroEnclaves.Images;
using NitroEnclaves.Nsm;

namespace NitroEnclaves.EndToEnd.Tests;

/// <summary>The main flow: a published C# service becomes an image, runs, and proves which image it is.</summary>
public sealed class AttestationTests(SampleImage sample)
{
    const string RoleArn = "arn:aws:iam::123456789012:role/end-to-end";

    static readonly string s_zero = new('0', 96);

    [Theory(Timeout = 180_000)]
    [InlineData(KernelKind.Enclave, EngineChoice.Qemu)]
    [InlineData(KernelKind.Debian, EngineChoice.Qemu)]
    [InlineData(KernelKind.Enclave, EngineChoice.Process)]
    public async Task The_sample_proves_which_image_it_is(KernelKind kernel, EngineChoice engine)
    {
        await using var host = new EnclaveHost(engine);
        var image = sample.ImageWith(kernel);
        var options = host.Options(image.Path) with { MemoryMiB = 512, ParentRoleArn = RoleArn, Name = "attester" };
        await using var enclave = await host.StartAsync(options);
        Assert.Equal(("attester", options.ModuleId, 1, 512UL), (enclave.Info.EnclaveName, enclave.Info.EnclaveId, enclave.Info.NumberOfCpus, enclave.Info.MemoryMiB));
        Assert.True(enclave.Info.EnclaveCid >= 16);

        var answer = await AttestedGreeting.AskAsync(host, enclave.Info, "Ada");
        Assert.Equal("Hello, Ada.", answer.Greeting);
        var policy = answer.Bind(AttestationPolicy.ForImage(Expected(image.Measurements)))
            .WithPcr(3, PcrValue.OfRole(RoleArn))
            .WithPcr(4, PcrValue.OfInstance(host.InstanceId));
        var verifier = new AttestationVerifier(new AttestationVerifierOptions { Roots = [host.Authority.Root] });
        var attestation = verifier.Verify(answer.Document, policy).GetAttestation();
        Assert.Equal((options.ModuleId, host.InstanceId, false), (attestation.ModuleId, attestation.InstanceId, attestation.IsDebugMode));
        Assert.Equal(host.Authority.Root.Sha256, attestation.RootSha256);

        // To AWS's root it is nobody's document, and with another nonce it is an old one.
        Assert.Equal(AttestationFailure.UntrustedRoot, new AttestationVerifier().Verify(answer.Document, policy).Failure);
        Assert.Equal(AttestationFailure.NonceMismatch, verifier.Verify(answer.Document, policy.WithNonce(new byte[32])).Failure);
        await CompareWithPythonAsync(image, answer, options.ModuleId!);

        var refusal = await Assert.ThrowsAsync<EnclaveException>(
            () => enclave.Client.CopyConsoleAsync(Stream.Null, follow: false, TestContext.Current.CancellationToken));
        Assert.Equal(EnclaveFailure.Console, refusal.Failure);

        var description = Assert.Single(await host.Registry.DescribeAsync(metadata: true, TestContext.Current.CancellationToken));
        Assert.Equal(("RUNNING", "NONE", "attester"), (description.State, description.Flags, description.ImageName));
        Assert.Equal(image.Measurements.Pcr0.ToString(), description.Measurements!["PCR0"]);

        Assert.True((await enclave.Client.TerminateAsync(TestContext.Current.CancellationToken)).Terminated);
        Assert.Equal(EnclaveEndKind.Terminated, (await enclave.WaitAsync(TestContext.Current.CancellationToken)).Kind);
        await host.AssertNothingLeftAsync();
        Assert.Empty(host.Registry.List());
    }

    static async Task CompareWithPythonAsync(GuestImage built, AttestedGreeting answer, string moduleId)
    {
        var image = await PythonReader.DescribeImageAsync(built.Path);
        Assert.True(image.GetProperty("crc_ok").GetBoolean());
        var document = await PythonReader.DescribeDocumentAsync(answer.Document);
        Assert.True(document.GetProperty("signature_ok").GetBoolean());
        Assert.Equal(moduleId, document.GetProperty("module_id").GetString());
        Assert.Equal("SHA384", document.GetProperty("digest").GetString());
        Assert.Equal(Convert.ToHexStringLower(answer.Nonce), document.GetProperty("nonce").GetString());
        Assert.Equal(JsonValueKind.Null, document.GetProperty("public_key").ValueKind);

        var pcrs = document.GetProperty("pcrs").EnumerateObject().ToDictionary(pcr => pcr.Name, pcr => pcr.Value.GetString());
        Assert.Equal([.. Enumerable.Range(0, 16).Select(index => $"{index}")], pcrs.Keys);
        var measured = built.Measurements;
        foreach (var (index, ours) in new[] { (0, measured.Pcr0), (1, measured.Pcr1), (2, measured.Pcr2) })
        {
            Assert.Equal(ours.ToString(), image.GetProperty($"PCR{index}").GetString());
            Assert.Equal(ours.ToString(), pcrs[$"{index}"]);
        }

        Assert.All(Enumerable.Range(5, 11), index => Assert.Equal(s_zero, pcrs[$"{index}"]));
        Assert.Equal(PcrValue.OfRole(RoleArn).ToString(), pcrs["3"]);

        var parsed = UnverifiedAttestationDocument.Parse(answer.Document);
        Assert.Equal(parsed.Timestamp.ToUnixTimeMilliseconds(), document.GetProperty("timestamp").GetInt64());
        Assert.Equal(parsed.CaBundle.Length, document.GetProperty("cabundle_sha256").GetArrayLength());
        Assert.Equal(Convert.ToHexStringLower(parsed.UserData!.Value.Span), document.GetProperty("user_data").GetString());
    }

    static ImageMeasurements Expected(EifMeasurements built) => new(
        built.Pcr0, built.Pcr1, built.Pcr2);
}
