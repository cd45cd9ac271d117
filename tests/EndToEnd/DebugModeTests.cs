using NitroEnclaves.Attestation;
using NitroEnclaves.Enclaves;
using NitroEnclaves.Nsm;

namespace NitroEnclaves.EndToEnd.Tests;

/// <summary>Debug mode: the console can be read, and documents say by zeros that it can.</summary>
public sealed class DebugModeTests(SampleImage sample)
{
    const string RoleArn = "arn:aws:iam::123456789012:role/debug";

    [Fact(Timeout = 180_000)]
    public async Task A_debug_enclave_shows_its_console_and_no_measurements()
    {
        await using var host = new EnclaveHost();
        await using var enclave = await host.StartAsync(
            host.Options(sample.Image.Path) with { MemoryMiB = 512, DebugMode = true, ParentRoleArn = RoleArn });
        var answer = await AttestedGreeting.AskAsync(host, enclave.Info, "Grace");

        var document = UnverifiedAttestationDocument.Parse(answer.Document);
        Assert.True(document.IsDebugMode);
        Assert.All([0, 1, 2, 8], index => Assert.True(document.Pcrs[index].IsZero));
        Assert.Equal(PcrValue.OfRole(RoleArn), document.Pcrs[3]);
        Assert.Equal(PcrValue.OfInstance(host.InstanceId), document.Pcrs[4]);

        var verifier = new AttestationVerifier(new AttestationVerifierOptions { Roots = [host.Authority.Root] });
        var policy = answer.Bind(AttestationPolicy.SignatureAndChainOnly);
        Assert.Equal(AttestationFailure.DebugMode, verifier.Verify(answer.Document, policy).Failure);
        Assert.True(verifier.Verify(answer.Document, policy.AllowingDebugMode()).GetAttestation().IsDebugMode);

        // Both readers come late and see everything from the beginning; the one that follows also sees the end.
        var followed = GuestConsole.FollowAsync(enclave.Client);
        var first = await GuestConsole.ReadAsync(enclave.Client);
        var second = await GuestConsole.ReadAsync(enclave.Client);
        Assert.Contains($"Attester of {enclave.Info.EnclaveId} answers", first, StringComparison.Ordinal);
        Assert.StartsWith(first, second, StringComparison.Ordinal);

        var description = Assert.Single(await host.Registry.DescribeAsync(cancellationToken: TestContext.Current.CancellationToken));
        Assert.Equal("DEBUG_MODE", description.Flags);
        // The image's own measurements are no secret.
        Assert.Equal(sample.Image.Measurements.Pcr0.ToString(), description.Measurements!["PCR0"]);

        await enclave.Client.TerminateAsync(TestContext.Current.CancellationToken);
        Assert.StartsWith(second, await followed, StringComparison.Ordinal);
        await host.AssertNothingLeftAsync();
    }
}
