namespace NitroEnclaves.Attestation.Tests;

/// <summary>
/// Documents in the shape of QEMU's own NSM, which signs nothing: refused for each thing that it leaves out, even by a verifier that has
/// no other reason, and whatever the policy allows.
/// </summary>
public sealed class QemuDocumentTests
{
    const string NoAlgorithm = "a10120"; // {1: -1}
    const string Es384 = "a1013822";

    static readonly byte[] s_zeros = new byte[64];

    static AttestationPolicy Lenient => AttestationPolicy.SignatureAndChainOnly.AllowingDebugMode();

    [Fact]
    public void A_document_as_QEMU_makes_it_is_refused_by_its_algorithm() =>
        Assert.Equal(AttestationFailure.Algorithm, Verify(NoAlgorithm, Forge(), s_zeros));

    [Fact]
    public void With_the_right_algorithm_its_signature_is_too_short() =>
        Assert.Equal(AttestationFailure.SignatureLength, Verify(Es384, Forge(), s_zeros));

    [Fact]
    public void With_a_signature_of_the_right_length_its_certificate_is_none() =>
        Assert.Equal(AttestationFailure.LeafCertificate, Verify(Es384, Forge(), new byte[96]));

    [Fact]
    public void With_a_real_certificate_its_bundle_begins_with_no_root() => Assert.Equal(
        AttestationFailure.UntrustedRoot,
        Verify(Es384, Forge().Set("certificate", (ref w) => w.WriteByteString(TestPki.Shared[TestPki.Leaf])), new byte[96]));

    [Fact]
    public void With_a_real_chain_its_signature_is_nobodys() =>
        Assert.Equal(AttestationFailure.Signature, Verify(Es384, new DocumentForge(), new byte[96]));

    static DocumentForge Forge() => new DocumentForge()
        .Set("certificate", (ref w) => w.WriteByteString(s_zeros))
        .SetBundle(s_zeros);

    static AttestationFailure? Verify(string protectedHeader, DocumentForge forge, byte[] signature) =>
        TestPki.Shared.Verifier().Verify(DocumentForge.Envelope(protectedHeader, "a0", forge.Payload(), signature), Lenient).Failure;
}
