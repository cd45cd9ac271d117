using System.Text.Json;
using NitroEnclaves.Tests;

namespace NitroEnclaves.Attestation.Tests;

/// <summary>Every document that AWS signed reads as independent code read it and verifies at its own time; the bad ones are refused.</summary>
public sealed class RealDocumentTests
{
    static AttestationPolicy AnyEnclave { get; } = AttestationPolicy.SignatureAndChainOnly.AllowingDebugMode();

    [Fact]
    public void They_read_as_expected()
    {
        foreach (var document in RealDocuments.All)
        {
            var read = UnverifiedAttestationDocument.Parse(document.Bytes);
            var expected = document.Expected;

            Assert.Equal(expected.GetProperty("module_id").GetString(), read.ModuleId);
            Assert.Equal(expected.GetProperty("timestamp").GetInt64(), read.Timestamp.ToUnixTimeMilliseconds());
            Assert.Equal(expected.GetProperty("tagged").GetBoolean(), read.IsTagged);
            Assert.Equal(expected.GetProperty("payload_first_byte").GetString() == "bf", read.HasIndefiniteLength);
            Assert.Equal(expected.GetProperty("payload_len").GetInt32(), read.Payload.Length);
            Assert.Equal(expected.GetProperty("debug_mode").GetBoolean(), read.IsDebugMode);
            Assert.Equal(
                expected.GetProperty("pcrs").EnumerateObject().ToDictionary(pcr => int.Parse(pcr.Name, null), pcr => pcr.Value.GetString()),
                read.Pcrs.ToDictionary(pcr => pcr.Key, pcr => (string?)pcr.Value.ToString()));
            AssertBytes(expected, "public_key", read.PublicKey);
            AssertBytes(expected, "user_data", read.UserData);
            AssertBytes(expected, "nonce", read.Nonce);
            Assert.Equal(expected.GetProperty("certificate").GetProperty("der_len").GetInt32(), read.Certificate.Length);
            Assert.Equal(
                expected.GetProperty("cabundle").EnumerateArray().Select(certificate => certificate.GetProperty("sha256").GetString()),
                read.CaBundle.Select(certificate => CertificateFingerprint.Of(certificate.Span).ToString()));
        }
    }

    [Fact]
    public void They_verify_at_their_own_time_and_neither_before_nor_after()
    {
        var verifier = new AttestationVerifier();
        foreach (var document in RealDocuments.All)
        {
            var own = UnverifiedAttestationDocument.Parse(document.Bytes).Timestamp;
            var result = verifier.VerifyAt(document.Bytes, AnyEnclave, own);
            Assert.True(result.IsVerified, $"{document.Name}: {result.Message}");
            Assert.Equal(document.Expected.GetProperty("module_id").GetString(), result.Attestation.ModuleId);
            Assert.Equal(AttestationRoot.AwsNitroEnclavesG1.Sha256, result.Attestation.RootSha256);

            Assert.Equal(AttestationFailure.CertificateExpired, verifier.VerifyAt(document.Bytes, AnyEnclave, own.AddHours(4)).Failure);
            Assert.Equal(AttestationFailure.CertificateExpired, verifier.Verify(document.Bytes, AnyEnclave).Failure);
            Assert.Equal(AttestationFailure.CertificateNotYetValid, verifier.VerifyAt(document.Bytes, AnyEnclave, own.AddDays(-400)).Failure);
        }
    }

    [Fact]
    public void Signatures_in_the_upper_half_are_among_them_and_accepted()
    {
        // Half of the order of P-384: a rule for "low s" would refuse about every second document of the hardware.
        var half = Convert.FromHexString("7fffffffffffffffffffffffffffffffffffffffffffffffe3b1a6c0fa1b96efac0d06d9245853bd76760cb5666294b9");
        var upper = RealDocuments.All.Where(document => document.Bytes.AsSpan(^48..).SequenceCompareTo(half) > 0).ToArray();
        Assert.NotEmpty(upper);
        Assert.NotEqual(RealDocuments.All.Count, upper.Length);
        Assert.All(upper, document => Assert.True(
            new AttestationVerifier().VerifyAt(document.Bytes, AnyEnclave, UnverifiedAttestationDocument.Parse(document.Bytes).Timestamp).IsVerified));
    }

    [Fact]
    public void Debug_mode_is_refused_unless_it_is_allowed()
    {
        var verifier = new AttestationVerifier();
        foreach (var document in RealDocuments.All)
        {
            var own = UnverifiedAttestationDocument.Parse(document.Bytes).Timestamp;
            var result = verifier.VerifyAt(document.Bytes, AttestationPolicy.SignatureAndChainOnly, own);

            Assert.Equal(document.Expected.GetProperty("debug_mode").GetBoolean() ? AttestationFailure.DebugMode : null, result.Failure);
        }
    }

    [Fact]
    public void Another_root_refuses_them()
    {
        using var authority = AttestationAuthority.CreateEphemeral();
        var verifier = new AttestationVerifier(new() { Roots = [authority.Root] });
        foreach (var document in RealDocuments.All)
        {
            var own = UnverifiedAttestationDocument.Parse(document.Bytes).Timestamp;

            Assert.Equal(AttestationFailure.UntrustedRoot, verifier.VerifyAt(document.Bytes, AnyEnclave, own).Failure);
        }
    }

    [Fact]
    public void The_published_certificate_is_the_pinned_root()
    {
        foreach (var extension in new[] { "der", "pem" })
        {
            var certificate = File.ReadAllBytes(TestVectors.Beside("attestation", "root", $"AWS_NitroEnclaves_Root-G1.{extension}"));

            Assert.Equal(AttestationRoot.AwsNitroEnclavesG1.Sha256, AttestationRoot.FromCertificate(certificate).Sha256);
        }
    }

    [Theory]
    [InlineData("bad_missing_3_bytes_base", AttestationFailure.Envelope)]
    [InlineData("bad_truncated_bedrock", AttestationFailure.Envelope)]
    [InlineData("bad_leaf_certificate_bedrock", AttestationFailure.UntrustedRoot)]
    [InlineData("bad_signature_eternis", AttestationFailure.Signature)]
    public void Bad_ones_are_refused_with_their_reason(string name, AttestationFailure failure)
    {
        var document = RealDocuments.Bad(name);
        var own = document.Expected.TryGetProperty("timestamp", out var timestamp)
            ? DateTimeOffset.FromUnixTimeMilliseconds(timestamp.GetInt64())
            : DateTimeOffset.UnixEpoch;

        Assert.Equal(failure, new AttestationVerifier().VerifyAt(document.Bytes, AnyEnclave, own).Failure);
    }

    static void AssertBytes(JsonElement expected, string field, ReadOnlyMemory<byte>? actual)
    {
        var state = expected.GetProperty(field + "_state").GetString();
        var hex = expected.TryGetProperty(field + "_hex", out var value) ? value.GetString() : "";

        Assert.Equal(state == "null" ? null : hex, actual is { } bytes ? Convert.ToHexStringLower(bytes.Span) : null);
    }
}
