using System.Security.Cryptography;
using System.Security.Cryptography.X509Certificates;
using System.Text;
using NitroEnclaves.Cose;
using NitroEnclaves.Nsm;

namespace NitroEnclaves.Images.Tests;

public sealed class EifSignerTests : IDisposable
{
    readonly TemporaryFolder _folder = new();

    public void Dispose() => _folder.Dispose();

    [Theory]
    [InlineData("p256.cert.pem", "p256.key.pem", CoseAlgorithm.ES256)]
    [InlineData("p384.cert.pem", "p384.key.pem", CoseAlgorithm.ES384)]
    [InlineData("p384.cert.pem", "p384.key.pkcs8.pem", CoseAlgorithm.ES384)]
    [InlineData("p384.chain.pem", "p384.key.pem", CoseAlgorithm.ES384)]
    [InlineData("p384.leaf.cert.pem", "p384.key.pem", CoseAlgorithm.ES384)]
    [InlineData("p521.cert.pem", "p521.key.pem", CoseAlgorithm.ES512)]
    public void Golden_keys_sign(string certificate, string key, CoseAlgorithm algorithm)
    {
        using var signer = Signer(certificate, key);

        var measurements = EifSigning.Sign(Vectors.Image("02_x86_2rd"), _folder["signed.eif"], signer,
            cancellationToken: TestContext.Current.CancellationToken);

        using var image = EifFile.Open(_folder["signed.eif"]);
        Assert.Equal(algorithm, signer.Algorithm);
        Assert.Equal(measurements, image.Measure());
        Assert.Equal(Vectors.Register("02_x86_2rd", "PCR0"), measurements.Pcr0);
        Assert.Equal(EifSignatureStatus.Valid, image.Signature!.Verify(measurements.Pcr0, FixedTime.OfVectors.GetUtcNow()));
        Assert.Equal(File.ReadAllBytes(Key(certificate)), image.Signature.CertificatePem.ToArray());
        using var first = X509Certificate2.CreateFromPem(File.ReadAllText(Key(certificate)));
        Assert.Equal(PcrValue.OfContent(first.RawData), measurements.Pcr8);
    }

    [Fact]
    public void Everything_ahead_of_the_signature_stays()
    {
        using var signer = Signer("p384.cert.pem", "p384.key.pem");
        EifSigning.Sign(Vectors.Image("02_x86_2rd"), _folder["signed.eif"], signer,
            cancellationToken: TestContext.Current.CancellationToken);

        byte[] before = Vectors.ReadImage("02_x86_2rd");
        byte[] after = File.ReadAllBytes(_folder["signed.eif"]);
        Assert.Equal(before[EifHeader.Size..], after[EifHeader.Size..before.Length]);
        Assert.Equal(before[..0x1a], after[..0x1a]);
    }

    [Theory]
    [InlineData("p256.cert.pem", "p256.key.pem")]
    [InlineData("p521.cert.pem", "p521.key.pem")]
    public void Signing_again_keeps_the_table_right(string certificate, string key)
    {
        // The reference leaves the old size in the table here, and the hypervisor refuses what it made.
        using var signer = Signer(certificate, key);
        EifSigning.Sign(Vectors.Image("09_p384"), _folder["signed.eif"], signer, cancellationToken: TestContext.Current.CancellationToken);

        using var image = EifFile.Open(_folder["signed.eif"]);
        Assert.Equal(6, image.Sections.Count);
        Assert.Equal(EifSignatureStatus.Valid, image.Signature!.Verify(image.Measure().Pcr0));
    }

    [Fact]
    public void Signing_in_place()
    {
        File.Copy(Vectors.Image("02_x86_2rd"), _folder["image.eif"]);
        using var signer = Signer("p384.cert.pem", "p384.key.pem");

        EifSigning.Sign(_folder["image.eif"], _folder["image.eif"], signer, cancellationToken: TestContext.Current.CancellationToken);

        using var image = EifFile.Open(_folder["image.eif"]);
        Assert.True(image.IsSigned);
        Assert.Single(Directory.GetFileSystemEntries(_folder.Path));
    }

    [Fact]
    public void Signed_when_built()
    {
        using var signer = Signer("p384.cert.pem", "p384.key.pem");
        using var unsigned = EifFile.Open(Vectors.Image("02_x86_2rd"));
        var builder = new EifBuilder
        {
            Kernel = EifSectionContent.FromMemory("kernel"u8.ToArray()),
            CommandLine = "c",
            Ramdisks = [EifSectionContent.FromMemory("ramdisk"u8.ToArray())],
            Metadata = unsigned.Metadata!,
            Signer = signer,
        };

        var measurements = builder.Build(_folder["image.eif"], cancellationToken: TestContext.Current.CancellationToken);

        using var image = EifFile.Open(_folder["image.eif"]);
        Assert.Equal(measurements, image.Measure());
        Assert.Equal(signer.Pcr8, measurements.Pcr8);
        Assert.Equal(EifSignatureStatus.Valid, image.Signature!.Verify(measurements.Pcr0));
        Assert.Equal(EifSectionType.Signature, image.Sections[^1].Type);
    }

    [Fact]
    public void Encrypted_keys_need_their_password()
    {
        using var key = ECDsa.Create();
        key.ImportFromPem(File.ReadAllText(Key("p384.key.pem")));
        string pem = key.ExportEncryptedPkcs8PrivateKeyPem("secret",
            new PbeParameters(PbeEncryptionAlgorithm.Aes256Cbc, HashAlgorithmName.SHA256, 1000));
        byte[] certificate = File.ReadAllBytes(Key("p384.cert.pem"));

        using var signer = EifSigner.FromPem(certificate, pem, "secret", FixedTime.OfVectors);
        Assert.Equal(CoseAlgorithm.ES384, signer.Algorithm);
        Assert.Equal(EifSigningError.PasswordRequired, Assert.Throws<EifSigningException>(() =>
            EifSigner.FromPem(certificate, pem, "", FixedTime.OfVectors)).Reason);
        Assert.Equal(EifSigningError.WrongPassword, Assert.Throws<EifSigningException>(() =>
            EifSigner.FromPem(certificate, pem, "guess", FixedTime.OfVectors)).Reason);
    }

    [Theory]
    [InlineData("p384.expired.cert.pem", "p384.key.pem", EifSigningError.CertificateExpired)]
    [InlineData("p384.cert.pem", "ca.key.pem", EifSigningError.KeyMismatch)]
    [InlineData("p384.cert.pem", "p256.key.pem", EifSigningError.KeyMismatch)]
    [InlineData("rsa2048.cert.pem", "rsa2048.key.pem", EifSigningError.UnsupportedKey)]
    [InlineData("k256.cert.pem", "k256.key.pem", EifSigningError.UnsupportedKey)]
    [InlineData("p384.key.pem", "p384.key.pem", EifSigningError.CertificateUnreadable)]
    [InlineData("p384.cert.pem", "p384.cert.pem", EifSigningError.KeyUnreadable)]
    public void Keys_and_certificates_that_cannot_sign(string certificate, string key, EifSigningError reason) =>
        Assert.Equal(reason, Assert.Throws<EifSigningException>(() => Signer(certificate, key)).Reason);

    [Fact]
    public void Certificate_of_tomorrow() => Assert.Equal(
        EifSigningError.CertificateNotYetValid,
        Assert.Throws<EifSigningException>(() =>
            EifSigner.FromPem(File.ReadAllBytes(Key("p384.cert.pem")), File.ReadAllText(Key("p384.key.pem")), "",
            new FixedTime(DateTimeOffset.UnixEpoch))).Reason);

    [Fact]
    public void Certificate_file_that_does_not_fit()
    {
        byte[] certificate = Encoding.ASCII.GetBytes(string.Concat(Enumerable.Repeat(File.ReadAllText(Key("p384.cert.pem")), 30)));
        using var signer = EifSigner.FromPem(certificate, File.ReadAllText(Key("p384.key.pem")), "", FixedTime.OfVectors);

        Assert.Equal(EifSigningError.SectionTooLarge, Assert.Throws<EifSigningException>(() => signer.Sign(default)).Reason);
    }

    [Fact]
    public void Full_section_table()
    {
        using var unsigned = EifFile.Open(Vectors.Image("02_x86_2rd"));
        new EifBuilder
        {
            Kernel = EifSectionContent.FromMemory("kernel"u8.ToArray()),
            CommandLine = "c",
            Ramdisks = [.. Enumerable.Repeat(EifSectionContent.FromMemory("ramdisk"u8.ToArray()), EifBuilder.MaxRamdisks)],
            Metadata = unsigned.Metadata!,
        }.Build(_folder["full.eif"], cancellationToken: TestContext.Current.CancellationToken);
        using var signer = Signer("p384.cert.pem", "p384.key.pem");

        Assert.Equal(
            EifSigningError.NoFreeSection,
            Assert.Throws<EifSigningException>(() =>
                EifSigning.Sign(_folder["full.eif"], _folder["signed.eif"], signer,
                cancellationToken: TestContext.Current.CancellationToken)).Reason);
        Assert.Single(Directory.GetFileSystemEntries(_folder.Path));
    }

    [Theory]
    [InlineData("p256.cert.pem", "p256.key.pem", DSASignatureFormat.IeeeP1363FixedFieldConcatenation)]
    [InlineData("p384.cert.pem", "p384.key.pem", DSASignatureFormat.Rfc3279DerSequence)]
    [InlineData("p521.cert.pem", "p521.key.pem", DSASignatureFormat.Rfc3279DerSequence)]
    [InlineData("p521.cert.pem", "p521.key.pem", DSASignatureFormat.IeeeP1363FixedFieldConcatenation)]
    public void Detached_signatures(string certificate, string key, DSASignatureFormat format)
    {
        byte[] certificatePem = File.ReadAllBytes(Key(certificate));
        using var elsewhere = ECDsa.Create();
        elsewhere.ImportFromPem(File.ReadAllText(Key(key)));
        byte[] digest = DetachedSignature.GetDigest(Vectors.Register("02_x86_2rd", "PCR0"), certificatePem);
        byte[] signature = elsewhere.SignHash(digest, format);

        using var signer = DetachedSignature.CreateSigner(certificatePem, signature, FixedTime.OfVectors);
        EifSigning.Sign(Vectors.Image("02_x86_2rd"), _folder["signed.eif"], signer,
            cancellationToken: TestContext.Current.CancellationToken);

        using var image = EifFile.Open(_folder["signed.eif"]);
        Assert.Equal(EifSignatureStatus.Valid, image.Signature!.Verify(image.Measure().Pcr0));
    }

    [Fact]
    public void Detached_signature_of_another_image()
    {
        byte[] certificatePem = File.ReadAllBytes(Key("p384.cert.pem"));
        using var elsewhere = ECDsa.Create();
        elsewhere.ImportFromPem(File.ReadAllText(Key("p384.key.pem")));
        byte[] signature = elsewhere.SignHash(DetachedSignature.GetDigest(Vectors.Register("01_x86_1rd", "PCR0"), certificatePem));
        using var signer = DetachedSignature.CreateSigner(certificatePem, signature, FixedTime.OfVectors);

        Assert.Equal(
            EifSigningError.KeyMismatch,
            Assert.Throws<EifSigningException>(() =>
                EifSigning.Sign(Vectors.Image("02_x86_2rd"), _folder["signed.eif"], signer,
                cancellationToken: TestContext.Current.CancellationToken)).Reason);
        Assert.Empty(Directory.GetFileSystemEntries(_folder.Path));
    }

    [Fact]
    public void Detached_signature_of_no_form() => Assert.Equal(
        EifSigningError.MalformedSignature,
        Assert.Throws<EifSigningException>(() =>
            DetachedSignature.CreateSigner(File.ReadAllBytes(Key("p384.cert.pem")), new byte[95], FixedTime.OfVectors)).Reason);

    static EifSigner Signer(string certificate, string key) =>
        EifSigner.FromPem(File.ReadAllBytes(Key(certificate)), File.ReadAllText(Key(key)), "", FixedTime.OfVectors);

    static string Key(string name) => TestVectors.Own("eif", "keys", name);
}
