using NitroEnclaves.Nsm;

namespace NitroEnclaves.Attestation.Tests;

/// <summary>Documents with a right form and chain whose signature is not their leaf's, or whose claims do not agree.</summary>
public sealed class SignatureNegativeTests
{
    /// <summary>The order of P-384.</summary>
    static readonly byte[] Order =
        Convert.FromHexString("ffffffffffffffffffffffffffffffffffffffffffffffffc7634d81f4372ddf581a0db248b0a77aecec196accc52973");

    static byte[] Good { get; } = new DocumentForge().Document();

    static NegativeCases Cases { get; } = new()
    {
        { "the first bit flipped", AttestationFailure.Signature, () => With(signature => signature[0] ^= 0x80) },
        { "the last bit flipped", AttestationFailure.Signature, () => With(signature => signature[^1] ^= 1) },
        { "r zero", AttestationFailure.Signature, () => With(signature => signature.AsSpan(0, 48).Clear()) },
        { "s zero", AttestationFailure.Signature, () => With(signature => signature.AsSpan(48).Clear()) },
        { "all zero, as QEMU's", AttestationFailure.Signature, () => With(signature => signature.AsSpan().Clear()) },
        { "r the order", AttestationFailure.Signature, () => With(signature => Order.CopyTo(signature, 0)) },
        { "s the order", AttestationFailure.Signature, () => With(signature => Order.CopyTo(signature, 48)) },
        { "both the largest number", AttestationFailure.Signature, () => With(signature => signature.AsSpan().Fill(0xFF)) },
        { "r and s exchanged", AttestationFailure.Signature, () => [.. Good[..^96], .. Good[^48..], .. Good[^96..^48]] },
        { "rewritten with an indefinite length", AttestationFailure.Signature, () => Resigned(new DocumentForge { IsIndefinite = true }) },
        { "rewritten with a definite length", AttestationFailure.Signature, DefiniteFromIndefinite },
        { "another nonce", AttestationFailure.Signature, () => Resigned(new DocumentForge().Set("nonce", (ref w) => w.WriteByteString(new byte[32]))) },
        { "null instead of a field left out", AttestationFailure.Signature, () => Resigned(new DocumentForge().Remove("user_data")) },
        { "signed by another enclave's leaf", AttestationFailure.Signature, () => new DocumentForge(new TestPki()).Sign(new DocumentForge().Payload()) },
        { "another module", AttestationFailure.ModuleIdMismatch, forge => forge.Set("module_id", (ref w) => w.WriteTextString(OtherModule)) },
        { "the beginning of the module's id", AttestationFailure.ModuleIdMismatch, forge => forge.Set("module_id", (ref w) => w.WriteTextString(OwnDocuments.ModuleId.AsSpan(..^1))) },
        { "PCR4 of another instance", AttestationFailure.InstanceMismatch, forge => forge.SetPcr(Pcr.ParentInstance, PcrValue.OfInstance("i-0123456789abcdef1")) },
        { "PCR4 zero", AttestationFailure.InstanceMismatch, forge => forge.SetPcr(Pcr.ParentInstance, PcrValue.Zero) },
    };

    public static IEnumerable<TheoryDataRow<string>> Names => Cases.Names;

    static string OtherModule => OwnDocuments.InstanceId + "-enc0199f00d12345679";

    [Theory]
    [MemberData(nameof(Names))]
    public void It_is_refused(string name)
    {
        var (failure, document) = Cases[name];
        var verifier = TestPki.Shared.Verifier();

        for (var round = 0; round < 2; round++)
        {
            Assert.Equal(failure, verifier.Verify(document(), AttestationPolicy.SignatureAndChainOnly).Failure);
        }
    }

    [Fact]
    public void Every_bit_of_a_document_counts()
    {
        using var authority = AttestationAuthority.CreateEphemeral(new TestClock());
        using var issuer = authority.CreateIssuer();
        var document = issuer.Sign(OwnDocuments.Content());
        var verifier = new AttestationVerifier(new() { Roots = [authority.Root], TimeProvider = new TestClock() });
        for (var at = 0; at < document.Length; at += 3)
        {
            document[at] ^= (byte)(1 << (at % 8));
            Assert.False(verifier.Verify(document, AttestationPolicy.ForImage(OwnDocuments.Image)).IsVerified, $"byte {at}");
            document[at] ^= (byte)(1 << (at % 8));
        }

        Assert.True(verifier.Verify(document, AttestationPolicy.ForImage(OwnDocuments.Image)).IsVerified);
    }

    static byte[] With(Action<byte[]> change)
    {
        var signature = Good[^96..];
        change(signature);
        return [.. Good[..^96], .. signature];
    }

    /// <summary>A document as hardware writes it since 2025, rewritten as it did before.</summary>
    static byte[] DefiniteFromIndefinite() =>
        DocumentForge.Envelope("a1013822", "a0", new DocumentForge().Payload(), new DocumentForge { IsIndefinite = true }.Document()[^96..]);

    /// <summary>Another payload under the good document's signature.</summary>
    static byte[] Resigned(DocumentForge forge) => DocumentForge.Envelope("a1013822", "a0", forge.Payload(), Good[^96..]);
}
