using NitroEnclaves.Nsm;

namespace NitroEnclaves.Attestation.Tests;

/// <summary>Documents whose payload is wrong although it is signed.</summary>
public sealed class PayloadNegativeTests
{
    static readonly byte[] Tall = new byte[1025];

    static NegativeCases Cases { get; } = new()
    {
        { "an array", AttestationFailure.Payload, () => new DocumentForge().Sign([0x80]) },
        { "text", AttestationFailure.Payload, () => new DocumentForge().Sign([0x61, 0x61]) },
        { "a tagged map", AttestationFailure.Payload, () => new DocumentForge().Sign([0xC1, .. new DocumentForge().Payload()]) },
        { "a missing break", AttestationFailure.Payload, () => new DocumentForge().Sign(new DocumentForge { IsIndefinite = true }.Payload()[..^1]) },
        { "a break after a key", AttestationFailure.Payload, () => new DocumentForge().Sign([0xBF, 0x61, 0x61, 0xFF]) },
        { "a count too small", AttestationFailure.PayloadTrailingData, () => new DocumentForge().Sign([0xA8, .. new DocumentForge().Payload()[1..]]) },
        { "a count too large", AttestationFailure.Payload, () => new DocumentForge().Sign([0xAA, .. new DocumentForge().Payload()[1..]]) },
        { "a byte after it", AttestationFailure.PayloadTrailingData, () => new DocumentForge().Sign([.. new DocumentForge().Payload(), 0]) },
        { "a numeric key", AttestationFailure.Payload, forge => forge.Fields.Add(([1], [2])) },
        { "a key that is not UTF-8", AttestationFailure.Payload, forge => forge.Fields.Add(([0x61, 0xFF], [2])) },
        { "a key in chunks", AttestationFailure.Payload, forge => forge.Fields.Add(([0x7F, 0x61, 0x61, 0xFF], [2])) },
        { "an unknown field nine deep", AttestationFailure.Payload, forge => forge.Fields.Add(([0x61, 0x61], [0x81, 0x81, 0x81, 0x81, 0x81, 0x81, 0x81, 0x81, 0])) },
        { "two module ids", AttestationFailure.DuplicateField, forge => forge.Repeat("module_id") },
        { "two sets of registers", AttestationFailure.DuplicateField, forge => forge.Repeat("pcrs") },
        { "two nonces", AttestationFailure.DuplicateField, forge => forge.Repeat("nonce") },
        { "no module id", AttestationFailure.MissingField, forge => forge.Remove("module_id") },
        { "no digest", AttestationFailure.MissingField, forge => forge.Remove("digest") },
        { "no timestamp", AttestationFailure.MissingField, forge => forge.Remove("timestamp") },
        { "no registers", AttestationFailure.MissingField, forge => forge.Remove("pcrs") },
        { "registers of a TPM", AttestationFailure.MissingField, forge => forge.Remove("pcrs").Set("nitrotpm_pcrs", (ref w) => w.WriteStartMap(0)) },
        { "no certificate", AttestationFailure.MissingField, forge => forge.Remove("certificate") },
        { "no bundle", AttestationFailure.MissingField, forge => forge.Remove("cabundle") },
        { "an empty module id", AttestationFailure.ModuleId, forge => forge.Set("module_id", (ref w) => w.WriteTextString("")) },
        { "the id of an instance", AttestationFailure.ModuleId, forge => forge.Set("module_id", (ref w) => w.WriteTextString(OwnDocuments.InstanceId)) },
        { "an id without an instance", AttestationFailure.ModuleId, forge => forge.Set("module_id", (ref w) => w.WriteTextString("-enc0123456789abcdef")) },
        { "an id without an enclave", AttestationFailure.ModuleId, forge => forge.Set("module_id", (ref w) => w.WriteTextString("i-0123456789abcdef0-enc")) },
        { "a module id of bytes", AttestationFailure.ModuleId, forge => forge.Set("module_id", (ref w) => w.WriteByteString("i-0-enc1"u8)) },
        { "SHA256", AttestationFailure.Digest, forge => forge.Set("digest", (ref w) => w.WriteTextString("SHA256")) },
        { "sha384", AttestationFailure.Digest, forge => forge.Set("digest", (ref w) => w.WriteTextString("sha384")) },
        { "a digest that is null", AttestationFailure.Digest, forge => forge.Set("digest", (ref w) => w.WriteNull()) },
        { "timestamp 0", AttestationFailure.Timestamp, forge => forge.Set("timestamp", (ref w) => w.WriteUInt64(0)) },
        { "timestamp -1", AttestationFailure.Timestamp, forge => forge.Set("timestamp", (ref w) => w.WriteInt64(-1)) },
        { "a timestamp after the year 9999", AttestationFailure.Timestamp, forge => forge.Set("timestamp", (ref w) => w.WriteUInt64(253_402_300_800_000)) },
        { "the largest timestamp", AttestationFailure.Timestamp, forge => forge.Set("timestamp", (ref w) => w.WriteUInt64(ulong.MaxValue)) },
        { "a timestamp as text", AttestationFailure.Timestamp, forge => forge.Set("timestamp", (ref w) => w.WriteTextString("2026-01-01")) },
        { "registers that are none", AttestationFailure.Pcrs, forge => forge.SetPcrs() },
        { "33 registers", AttestationFailure.Pcrs, forge => forge.SetPcrs([.. Enumerable.Range(0, 33).Select(index => (index, new byte[48]))]) },
        { "register 32", AttestationFailure.Pcrs, forge => forge.SetPcrs((32, new byte[48])) },
        { "register -1", AttestationFailure.Pcrs, forge => forge.SetPcrs((-1, new byte[48])) },
        { "a register of 8 bytes", AttestationFailure.Pcrs, forge => forge.SetPcrs((0, new byte[8])) },
        { "a register of 49 bytes", AttestationFailure.Pcrs, forge => forge.SetPcrs((0, new byte[49])) },
        { "a register twice", AttestationFailure.Pcrs, forge => forge.SetPcrs((0, new byte[48]), (0, new byte[48])) },
        { "registers in an array", AttestationFailure.Pcrs, forge => forge.Set("pcrs", (ref w) => w.WriteStartArray(0)) },
        { "an empty certificate", AttestationFailure.CertificateField, forge => forge.Set("certificate", (ref w) => w.WriteByteString([])) },
        { "a certificate of 1,025 bytes", AttestationFailure.CertificateField, forge => forge.Set("certificate", (ref w) => w.WriteByteString(Tall)) },
        { "a certificate that is null", AttestationFailure.CertificateField, forge => forge.Set("certificate", (ref w) => w.WriteNull()) },
        { "an empty bundle", AttestationFailure.CaBundleField, forge => forge.SetBundle() },
        { "an empty certificate in the bundle", AttestationFailure.CaBundleField, forge => forge.SetBundle([.. TestPki.Shared.Bundle, []]) },
        { "1,025 bytes in the bundle", AttestationFailure.CaBundleField, forge => forge.SetBundle([.. TestPki.Shared.Bundle, Tall]) },
        { "nine certificates", AttestationFailure.CaBundleField, forge => forge.SetBundle([.. Enumerable.Repeat(new byte[1], 9)]) },
        { "a bundle that is one certificate", AttestationFailure.CaBundleField, forge => forge.Set("cabundle", (ref w) => w.WriteByteString(TestPki.Shared[TestPki.Root])) },
        { "an empty public key", AttestationFailure.PublicKeyField, forge => forge.Set("public_key", (ref w) => w.WriteByteString([])) },
        { "a public key of 1,025 bytes", AttestationFailure.PublicKeyField, forge => forge.Set("public_key", (ref w) => w.WriteByteString(Tall)) },
        { "a public key as text", AttestationFailure.PublicKeyField, forge => forge.Set("public_key", (ref w) => w.WriteTextString("key")) },
        { "user data of 1,025 bytes", AttestationFailure.UserDataField, forge => forge.Set("user_data", (ref w) => w.WriteByteString(Tall)) },
        { "user data in chunks", AttestationFailure.UserDataField, forge => forge.Set("user_data", (ref w) => w.WriteEncodedValue([0x5F, 0x40, 0xFF])) },
        { "a nonce of 1,025 bytes", AttestationFailure.NonceField, forge => forge.Set("nonce", (ref w) => w.WriteByteString(Tall)) },
        { "a nonce that is a number", AttestationFailure.NonceField, forge => forge.Set("nonce", (ref w) => w.WriteUInt64(7)) },
        { "a nonce that is undefined", AttestationFailure.NonceField, forge => forge.Set("nonce", (ref w) => w.WriteEncodedValue([0xF7])) },
    };

    public static IEnumerable<TheoryDataRow<string>> Names => Cases.Names;

    [Theory]
    [MemberData(nameof(Names))]
    public void It_is_refused(string name)
    {
        var (failure, document) = Cases[name];
        var result = TestPki.Shared.Verifier().Verify(document(), AttestationPolicy.SignatureAndChainOnly);

        Assert.Equal(failure, result.Failure);
        Assert.NotEmpty(result.Message);
        Assert.Equal(failure, Assert.Throws<AttestationException>(() => UnverifiedAttestationDocument.Parse(document())).Failure);
    }

    [Fact]
    public void Other_forms_of_the_same_are_accepted()
    {
        DocumentForge[] forges =
        [
            new() { IsIndefinite = true },
            new DocumentForge().Remove("public_key").Remove("user_data"),
            new DocumentForge().Set("another", (ref w) => w.WriteEncodedValue([0x9F, 0xA1, 0x01, 0x02, 0xFF])),
            new DocumentForge().Set("user_data", (ref w) => w.WriteByteString([])),
            new DocumentForge().Set("user_data", (ref w) => w.WriteByteString(new byte[1024])),
            new DocumentForge().Set("cabundle", (ref w) =>
            {
                w.WriteStartIndefiniteArray();
                foreach (var certificate in TestPki.Shared.Bundle)
                {
                    w.WriteByteString(certificate);
                }

                w.WriteBreak();
            }),
            // No order of registers is promised, nor the length of their map.
            new DocumentForge().Set("pcrs", (ref w) =>
            {
                w.WriteStartIndefiniteMap();
                foreach (var (index, value) in UnverifiedAttestationDocument.Parse(new DocumentForge().Document()).Pcrs.Reverse())
                {
                    w.WriteUInt64((ulong)index);
                    w.WriteByteString(value.Bytes);
                }

                w.WriteBreak();
            }),
        ];
        forges = [.. forges, Reversed(new DocumentForge())];

        Assert.All(forges, forge =>
        {
            var result = TestPki.Shared.Verifier().Verify(forge.Document(), AttestationPolicy.ForImage(OwnDocuments.Image).WithNonce(OwnDocuments.Nonce));
            Assert.True(result.IsVerified, result.Message);
        });
    }

    [Fact]
    public void The_limit_of_fields_can_be_raised()
    {
        var document = new DocumentForge().Set("nonce", (ref w) => w.WriteByteString(Tall)).Document();
        var limits = new AttestationLimits { FieldLength = 2048 };

        Assert.Equal(Tall, UnverifiedAttestationDocument.Parse(document, limits).Nonce?.ToArray());
        var verifier = new AttestationVerifier(new() { Roots = [TestPki.Shared.Trusted], TimeProvider = new TestClock(), Limits = limits });
        Assert.True(verifier.Verify(document, AttestationPolicy.SignatureAndChainOnly.WithNonce(Tall)).IsVerified);
    }

    [Fact]
    public void Registers_beyond_15_are_read()
    {
        var document = UnverifiedAttestationDocument.Parse(new DocumentForge().SetPcr(31, OwnDocuments.Value(0x31)).Document());

        Assert.Equal(OwnDocuments.Value(0x31), document.Pcrs[31]);
        Assert.Equal(OwnDocuments.Image.Pcr0, document.Pcrs[Pcr.Image]);
    }

    static DocumentForge Reversed(DocumentForge forge)
    {
        forge.Fields.Reverse();
        return forge;
    }
}
