using static NitroEnclaves.Attestation.Tests.DocumentForge;

namespace NitroEnclaves.Attestation.Tests;

/// <summary>Documents whose envelope is wrong.</summary>
public sealed class EnvelopeNegativeTests
{
    const string Es384 = "a1013822";

    static byte[] Good { get; } = new DocumentForge().Document();

    static byte[] Payload { get; } = new DocumentForge().Payload();

    static byte[] Signature { get; } = Good[^96..];

    static NegativeCases Cases { get; } = new()
    {
        { "nothing", AttestationFailure.DocumentLength, () => [] },
        { "24 KiB and a byte", AttestationFailure.DocumentLength, () => new byte[(24 * 1024) + 1] },
        { "cut in the middle", AttestationFailure.Envelope, () => Good[..2000] },
        { "cut before the last byte", AttestationFailure.Envelope, () => Good[..^1] },
        { "a map", AttestationFailure.Envelope, () => [0xA0] },
        { "three parts", AttestationFailure.Envelope, () => [0x83, .. Good[1..^98]] },
        { "five parts", AttestationFailure.Envelope, () => [0x85, .. Good[1..], 0] },
        { "tag 17", AttestationFailure.Envelope, () => [0xD1, .. Good] },
        { "tag 18 twice", AttestationFailure.Envelope, () => [0xD2, 0xD2, .. Good] },
        { "a byte after it", AttestationFailure.EnvelopeTrailingData, () => [.. Good, 0] },
        { "no payload", AttestationFailure.Envelope, () => [0x84, 0x44, 0xA1, 0x01, 0x38, 0x22, 0xA0, 0xF6, 0x58, 0x60, .. Signature] },
        { "ES256", AttestationFailure.Algorithm, () => Envelope("a10126", "a0", Payload, Signature[..64]) },
        { "ES512", AttestationFailure.Algorithm, () => Envelope("a1013823", "a0", Payload, new byte[132]) },
        { "an algorithm of none", AttestationFailure.Algorithm, () => Envelope("a10120", "a0", Payload, Signature) },
        { "two protected entries", AttestationFailure.Algorithm, () => Envelope("a20138220441", "a0", Payload, Signature) },
        { "the algorithm as text", AttestationFailure.Algorithm, () => Envelope("a101654553333834", "a0", Payload, Signature) },
        { "the algorithm unprotected", AttestationFailure.Algorithm, () => Envelope("a0", Es384, Payload, Signature) },
        { "an empty protected header", AttestationFailure.Algorithm, () => Envelope("", Es384, Payload, Signature) },
        { "the algorithm in both", AttestationFailure.UnprotectedHeader, () => Envelope(Es384, Es384, Payload, Signature) },
        { "an unprotected key id", AttestationFailure.UnprotectedHeader, () => Envelope(Es384, "a1044131", Payload, Signature) },
        { "95 bytes of signature", AttestationFailure.SignatureLength, () => Envelope(Es384, "a0", Payload, Signature[1..]) },
        { "97 bytes of signature", AttestationFailure.SignatureLength, () => Envelope(Es384, "a0", Payload, [0, .. Signature]) },
        { "an empty payload", AttestationFailure.PayloadLength, () => new DocumentForge().Sign([]) },
        { "a payload of 16 KiB and a byte", AttestationFailure.PayloadLength, () => new DocumentForge().Sign(new byte[(16 * 1024) + 1]) },
    };

    public static IEnumerable<TheoryDataRow<string>> Names => Cases.Names;

    [Theory]
    [MemberData(nameof(Names))]
    public void It_is_refused(string name)
    {
        var (failure, document) = Cases[name];

        Assert.Equal(failure, TestPki.Shared.Verifier().Verify(document(), AttestationPolicy.SignatureAndChainOnly).Failure);
        Assert.Equal(failure, Assert.Throws<AttestationException>(() => UnverifiedAttestationDocument.Parse(document())).Failure);
    }

    [Fact]
    public void The_document_behind_the_cases_is_right()
    {
        Assert.True(TestPki.Shared.Verifier().Verify(Good, AttestationPolicy.ForImage(OwnDocuments.Image)).IsVerified);
        Assert.True(TestPki.Shared.Verifier().Verify(Envelope(Es384, "a0", Payload, Signature), AttestationPolicy.SignatureAndChainOnly).IsVerified);
    }

    [Fact]
    public void A_tag_and_other_lengths_of_heads_change_nothing()
    {
        byte[][] forms =
        [
            [0xD2, .. Good],
            [0xD8, 0x12, .. Good],
            [0x98, 0x04, .. Good[1..]],
            [0x9F, .. Good[1..], 0xFF],
        ];

        Assert.All(forms, form => Assert.True(TestPki.Shared.Verifier().Verify(form, AttestationPolicy.SignatureAndChainOnly).IsVerified));
    }
}
