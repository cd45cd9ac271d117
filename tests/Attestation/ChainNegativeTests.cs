using System.Security.Cryptography;
using System.Security.Cryptography.X509Certificates;
using static NitroEnclaves.Attestation.Tests.TestPki;

namespace NitroEnclaves.Attestation.Tests;

/// <summary>Documents whose certificates are wrong.</summary>
public sealed class ChainNegativeTests
{
    static X509Extension Unknown { get; } = new("1.3.6.1.4.1.99999.1", [0x05, 0x00], critical: true);

    /// <summary>Each with what is wrong about one certificate.</summary>
    static Dictionary<string, (AttestationFailure Failure, string Level, Action<CertificateDraft> Adjust)> Certificates { get; } = new()
    {
        ["a leaf on P-256"] = (AttestationFailure.CertificateAlgorithm, Leaf, draft => draft.Key = ECDsa.Create(ECCurve.NamedCurves.nistP256)),
        ["a leaf on P-521"] = (AttestationFailure.CertificateAlgorithm, Leaf, draft => draft.Key = ECDsa.Create(ECCurve.NamedCurves.nistP521)),
        ["a leaf on brainpoolP384r1"] =
            (AttestationFailure.CertificateAlgorithm, Leaf, draft => draft.Key = ECDsa.Create(ECCurve.NamedCurves.brainpoolP384r1)),
        ["a leaf signed with SHA-256"] = (AttestationFailure.CertificateAlgorithm, Leaf, draft => draft.Hash = HashAlgorithmName.SHA256),
        ["an authority on P-256"] = (AttestationFailure.CertificateAlgorithm, Zonal, draft => draft.Key = ECDsa.Create(ECCurve.NamedCurves.nistP256)),
        ["an authority signed with SHA-512"] = (AttestationFailure.CertificateAlgorithm, Regional, draft => draft.Hash = HashAlgorithmName.SHA512),
        ["a regional of another issuer"] = (AttestationFailure.CertificateIssuer, Regional, draft => draft.IssuerName = "another"),
        ["a leaf of another issuer"] = (AttestationFailure.CertificateIssuer, Leaf, draft => draft.IssuerName = "another"),
        ["a zonal signed by another key"] = (AttestationFailure.CertificateSignature, Zonal, SignElsewhere),
        ["a leaf signed by another key"] = (AttestationFailure.CertificateSignature, Leaf, SignElsewhere),
        ["a root with an unknown critical extension"] = (AttestationFailure.CriticalExtension, Root, draft => draft.Others.Add(Unknown)),
        ["an instance with an unknown critical extension"] = (AttestationFailure.CriticalExtension, Instance, draft => draft.Others.Add(Unknown)),
        ["a leaf with an unknown critical extension"] = (AttestationFailure.CriticalExtension, Leaf, draft => draft.Others.Add(Unknown)),
        ["a root that is no authority"] = (AttestationFailure.NotAuthority, Root, draft => draft.IsAuthority = false),
        ["an instance that is no authority"] = (AttestationFailure.NotAuthority, Instance, NoAuthority),
        ["a zonal that may not sign certificates"] =
            (AttestationFailure.KeyUsage, Zonal, draft => draft.KeyUsage = X509KeyUsageFlags.DigitalSignature | X509KeyUsageFlags.CrlSign),
        ["a regional without key usage"] = (AttestationFailure.KeyUsage, Regional, draft => draft.KeyUsage = null),
        ["a leaf that may not sign"] = (AttestationFailure.KeyUsage, Leaf, draft => draft.KeyUsage = X509KeyUsageFlags.NonRepudiation),
        ["a leaf without key usage"] = (AttestationFailure.KeyUsage, Leaf, draft => draft.KeyUsage = null),
        ["a root with path length 2"] = (AttestationFailure.PathLength, Root, draft => draft.PathLength = 2),
        ["a regional with path length 1"] = (AttestationFailure.PathLength, Regional, draft => draft.PathLength = 1),
        ["a zonal with path length 0"] = (AttestationFailure.PathLength, Zonal, draft => draft.PathLength = 0),
        ["a leaf that is an authority"] = (AttestationFailure.LeafIsAuthority, Leaf, draft => draft.IsAuthority = true),
        ["a leaf with a path length"] = (AttestationFailure.LeafIsAuthority, Leaf, LeafWithPathLength),
        ["a root that has expired"] = (AttestationFailure.CertificateExpired, Root, Expired),
        ["an instance that has expired"] = (AttestationFailure.CertificateExpired, Instance, Expired),
        ["a leaf that has expired"] = (AttestationFailure.CertificateExpired, Leaf, Expired),
        ["a zonal of tomorrow"] = (AttestationFailure.CertificateNotYetValid, Zonal, NotYet),
        ["a leaf of tomorrow"] = (AttestationFailure.CertificateNotYetValid, Leaf, NotYet),
        ["a leaf of another module"] = (AttestationFailure.ModuleIdMismatch, Leaf, draft => draft.CommonName = "i-0123456789abcdef0-enc0000000000000001.test.aws"),
        ["a leaf whose name only begins alike"] = (AttestationFailure.ModuleIdMismatch, Leaf, draft => draft.CommonName = $"{OwnDocuments.ModuleId}0.test.aws"),
    };

    static NegativeCases Bundles { get; } = new()
    {
        { "the root missing", AttestationFailure.UntrustedRoot, forge => forge.SetBundle(Shared.Bundle[1..]) },
        { "the order reversed", AttestationFailure.UntrustedRoot, forge => forge.SetBundle([.. Shared.Bundle.Reverse()]) },
        { "the root of a stranger", AttestationFailure.UntrustedRoot, forge => forge.SetBundle(new TestPki().Bundle) },
        { "another certificate for the root's name", AttestationFailure.UntrustedRoot, forge => forge.SetBundle([new TestPki()[Root], .. Shared.Bundle[1..]]) },
        { "a stranger's chain below the root", AttestationFailure.CertificateSignature, () => StrangersChain(Shared[Root]) },
        { "a self-signed root after the bundle", AttestationFailure.PathLength, forge => forge.SetBundle([.. Shared.Bundle, new TestPki()[Root]]) },
        { "a self-signed root and its leaf after the bundle", AttestationFailure.PathLength, () => StrangersChain([.. Shared.Bundle, new TestPki()[Root]]) },
        { "a gap", AttestationFailure.CertificateIssuer, forge => forge.SetBundle([Shared[Root], Shared[Zonal], Shared[Instance]]) },
        { "the issuer of the leaf missing", AttestationFailure.CertificateIssuer, forge => forge.SetBundle(Shared.Bundle[..3]) },
        { "two exchanged", AttestationFailure.CertificateIssuer, forge => forge.SetBundle(Shared[Root], Shared[Zonal], Shared[Regional], Shared[Instance]) },
        { "one twice", AttestationFailure.PathLength, forge => forge.SetBundle([.. Shared.Bundle, Shared[Instance]]) },
        { "a certificate that is none", AttestationFailure.ChainCertificate, forge => forge.SetBundle(Shared[Root], [1, 2, 3]) },
        { "a byte after a certificate", AttestationFailure.ChainCertificate, forge => forge.SetBundle(Shared[Root], [.. Shared[Regional], 0]) },
        { "a flipped bit in a certificate", AttestationFailure.CertificateSignature, forge => forge.SetBundle(Shared[Root], Flipped(Shared[Regional])) },
        { "a leaf that is none", AttestationFailure.LeafCertificate, forge => forge.Set("certificate", (ref w) => w.WriteByteString([0x30, 0x00])) },
        { "a leaf of zeros, as QEMU's", AttestationFailure.LeafCertificate, forge => forge.Set("certificate", (ref w) => w.WriteByteString(new byte[64])) },
        { "a byte after the leaf", AttestationFailure.LeafCertificate, forge => forge.Set("certificate", (ref w) => w.WriteByteString([.. Shared[Leaf], 0])) },
        { "a leaf whose key is no point of the curve", AttestationFailure.CertificateSignature, forge => forge.Set("certificate", (ref w) => w.WriteByteString(OffCurve(Shared[Leaf]))) },
    };

    public static IEnumerable<TheoryDataRow<string>> CertificateNames => Certificates.Keys.Select(name => new TheoryDataRow<string>(name));

    public static IEnumerable<TheoryDataRow<string>> BundleNames => Bundles.Names;

    [Theory]
    [MemberData(nameof(CertificateNames))]
    public void A_wrong_certificate_is_refused(string name)
    {
        var (failure, level, adjust) = Certificates[name];
        var pki = new TestPki(draft => (draft.Level == level ? adjust : _ => { })(draft));
        var document = new DocumentForge(pki);

        // A leaf on another curve cannot sign ES384: the certificate is what gets refused, whoever signed.
        var bytes = name.StartsWith("a leaf on ", StringComparison.Ordinal) ? new DocumentForge().Sign(document.Payload()) : document.Document();

        Assert.Equal(failure, pki.Verifier().Verify(bytes, AttestationPolicy.SignatureAndChainOnly).Failure);
    }

    [Theory]
    [MemberData(nameof(BundleNames))]
    public void A_wrong_bundle_is_refused(string name)
    {
        var (failure, document) = Bundles[name];
        var verifier = Shared.Verifier();

        Assert.Equal(failure, verifier.Verify(document(), AttestationPolicy.SignatureAndChainOnly).Failure);

        // The same with the certificates of a good document remembered, and the good document after it.
        Assert.True(verifier.Verify(new DocumentForge().Document(), AttestationPolicy.SignatureAndChainOnly).IsVerified);
        Assert.Equal(failure, verifier.Verify(document(), AttestationPolicy.SignatureAndChainOnly).Failure);
        Assert.True(verifier.Verify(new DocumentForge().Document(), AttestationPolicy.SignatureAndChainOnly).IsVerified);
    }

    [Fact]
    public void A_self_signed_root_after_the_bundle_becomes_no_anchor_where_path_lengths_do_not_stop_it()
    {
        var unlimited = new TestPki(draft => draft.PathLength = null);
        var stranger = new TestPki(draft => draft.PathLength = null);
        byte[][] bundle = [.. unlimited.Bundle, .. stranger.Bundle];
        var verifier = unlimited.Verifier();

        foreach (var signer in new[] { unlimited, stranger })
        {
            var document = new DocumentForge(signer).SetBundle(bundle).Document();
            Assert.Equal(AttestationFailure.CertificateIssuer, verifier.Verify(document, AttestationPolicy.SignatureAndChainOnly).Failure);
        }

        Assert.True(verifier.Verify(new DocumentForge(unlimited).Document(), AttestationPolicy.SignatureAndChainOnly).IsVerified);
    }

    [Fact]
    public void Remembered_certificates_expire_all_the_same()
    {
        var clock = new TestClock();
        var verifier = Shared.Verifier(clock);
        var document = new DocumentForge().Document();
        Assert.True(verifier.Verify(document, AttestationPolicy.SignatureAndChainOnly).IsVerified);
        clock.Now += TimeSpan.FromHours(2);
        Assert.Equal(AttestationFailure.CertificateExpired, verifier.Verify(document, AttestationPolicy.SignatureAndChainOnly).Failure);
        clock.Now -= TimeSpan.FromHours(4);
        Assert.Equal(AttestationFailure.CertificateNotYetValid, verifier.Verify(document, AttestationPolicy.SignatureAndChainOnly).Failure);
    }

    [Theory]
    [InlineData(0)]
    [InlineData(1)]
    [InlineData(5)]
    public void A_full_cache_changes_no_verdict(int capacity)
    {
        TestPki[] pkis = [new(), new(), new()];
        var verifier = new AttestationVerifier(new()
        {
            Roots = [.. pkis.Select(pki => pki.Trusted)],
            TimeProvider = new TestClock(),
            CertificateCacheCapacity = capacity,
        });
        for (var round = 0; round < 3; round++)
        {
            Assert.All(pkis, pki => Assert.True(verifier.Verify(new DocumentForge(pki).Document(), AttestationPolicy.SignatureAndChainOnly).IsVerified));
            Assert.Equal(AttestationFailure.UntrustedRoot, verifier.Verify(new DocumentForge().Document(), AttestationPolicy.SignatureAndChainOnly).Failure);
        }
    }

    [Fact]
    public void A_leaf_may_stand_right_below_the_root()
    {
        var root = CertificateDraft.Of(Root);
        var leaf = CertificateDraft.Of(Leaf);
        var forge = new DocumentForge().SetBundle(root.Sign(root)).Set("certificate", (ref w) => w.WriteByteString(leaf.Sign(root)));
        var document = Cose.CoseSign1.Sign(forge.Payload(), leaf.Key);
        var trusted = AttestationRoot.FromSha256(SHA256.HashData(UnverifiedAttestationDocument.Parse(document).CaBundle[0].Span));
        var verifier = new AttestationVerifier(new() { Roots = [trusted], TimeProvider = new TestClock() });

        Assert.True(verifier.Verify(document, AttestationPolicy.SignatureAndChainOnly).IsVerified);
    }

    static byte[] StrangersChain(params byte[][] start)
    {
        var stranger = new TestPki();
        return new DocumentForge(stranger).SetBundle(start.Length > 1 ? start : [.. start, .. stranger.Bundle[1..]]).Document();
    }

    static byte[] Flipped(byte[] certificate)
    {
        var flipped = (byte[])certificate.Clone();
        flipped[^1] ^= 1;
        return flipped;
    }

    /// <summary>The last byte of the point changed: no longer on the curve, and no longer what was signed.</summary>
    static byte[] OffCurve(byte[] certificate)
    {
        var changed = (byte[])certificate.Clone();
        var at = changed.AsSpan().IndexOf((byte[])[0x03, 0x62, 0x00, 0x04]);
        changed[at + 3 + 97 - 1] ^= 1;
        return changed;
    }

    static void SignElsewhere(CertificateDraft draft) => draft.SigningKey = ECDsa.Create(ECCurve.NamedCurves.nistP384);

    static void NoAuthority(CertificateDraft draft) => (draft.IsAuthority, draft.PathLength) = (false, null);

    static void LeafWithPathLength(CertificateDraft draft)
    {
        // The platform does not write such a thing: SEQUENCE { pathLenConstraint 0 }, in place of the empty one.
        draft.Others.Add(new X509Extension("2.5.29.19", [0x30, 0x03, 0x02, 0x01, 0x00], critical: true));
        draft.OmitsBasicConstraints = true;
    }

    static void Expired(CertificateDraft draft) => draft.NotAfter = TestClock.Noon.AddSeconds(-2);

    static void NotYet(CertificateDraft draft) => draft.NotBefore = TestClock.Noon.AddSeconds(2);
}
