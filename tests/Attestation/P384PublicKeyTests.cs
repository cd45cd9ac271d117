using System.Runtime.Versioning;
using System.Security.Cryptography;

namespace NitroEnclaves.Attestation.Tests;

/// <summary>Both ways to a certificate's key give the same key and refuse the same ones.</summary>
public sealed class P384PublicKeyTests
{
    static DerCertificate Certificate { get; } = DerCertificate.Parse(TestPki.Shared[TestPki.Leaf]);

    [Fact]
    public void Both_ways_give_the_certificates_key()
    {
        using var fast = P384PublicKey.Load(Certificate);
        using var portable = P384PublicKey.LoadCertificate(Certificate.Encoded.Span);
        var hash = SHA384.HashData("data"u8);
        var signature = TestPki.Shared.LeafKey.SignHash(hash);

        Assert.Equal(TestPki.Shared.LeafKey.ExportSubjectPublicKeyInfo(), fast.ExportSubjectPublicKeyInfo());
        Assert.Equal(TestPki.Shared.LeafKey.ExportSubjectPublicKeyInfo(), portable.ExportSubjectPublicKeyInfo());
        Assert.True(fast.VerifyHash(hash, signature));
        Assert.True(portable.VerifyHash(hash, signature));
        hash[0] ^= 1;
        Assert.False(fast.VerifyHash(hash, signature));
        Assert.False(portable.VerifyHash(hash, signature));
    }

    [Fact]
    [SupportedOSPlatform("linux")]
    public void A_point_off_the_curve_is_no_key()
    {
        Assert.SkipUnless(Interop.HasLibcrypto, "The runtime's OpenSSL is not at hand.");
        var point = Certificate.PublicPoint.ToArray();
        P384PublicKey.Decode(point).Dispose();
        for (var at = 0; at < point.Length; at += 7)
        {
            point[at] ^= 1;
            Assert.Throws<CryptographicException>(() => P384PublicKey.Decode(point));
            point[at] ^= 1;
        }

        Assert.Throws<CryptographicException>(() => P384PublicKey.Decode(point.AsSpan(1)));
        Assert.Throws<CryptographicException>(() => P384PublicKey.Decode([]));
        Assert.Throws<CryptographicException>(() => P384PublicKey.Decode([4, .. new byte[96]]));

        // x and y above the field's prime, congruent to a point or not.
        Assert.Throws<CryptographicException>(() => P384PublicKey.Decode([4, .. Enumerable.Repeat((byte)0xFF, 96)]));
    }

    [Fact]
    public void A_certified_key_that_is_no_point_is_refused_by_the_chain()
    {
        // Signed by its issuer all the same, so that nothing but the key is wrong.
        var instance = CertificateDraft.Of(TestPki.Instance);
        var leaf = CertificateDraft.Of(TestPki.Leaf).Sign(instance);
        var outer = new System.Formats.Asn1.AsnReader(leaf, System.Formats.Asn1.AsnEncodingRules.DER).ReadSequence();
        var tbs = outer.ReadEncodedValue().ToArray();
        var at = tbs.AsSpan().IndexOf((byte[])[0x03, 0x62, 0x00, 0x04]) + 4;
        tbs[at + 95] ^= 1;
        var writer = new System.Formats.Asn1.AsnWriter(System.Formats.Asn1.AsnEncodingRules.DER);
        using (writer.PushSequence())
        {
            writer.WriteEncodedValue(tbs);
            writer.WriteEncodedValue(outer.ReadEncodedValue().Span);
            writer.WriteBitString(instance.Key.SignData(tbs, HashAlgorithmName.SHA384, DSASignatureFormat.Rfc3279DerSequence));
        }

        var certificate = ChainLink.Parse(writer.Encode(), AttestationFailure.LeafCertificate);
        var issuer = ChainLink.OfRoot(ChainLink.Parse(instance.Sign(instance), AttestationFailure.ChainCertificate));

        Assert.Equal(AttestationFailure.CertificateAlgorithm, Assert.Throws<AttestationException>(() => issuer.Next(certificate)).Failure);
    }
}
