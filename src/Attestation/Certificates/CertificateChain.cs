using System.Collections.Frozen;
using System.Collections.Immutable;

namespace NitroEnclaves.Attestation;

/// <summary>
/// Walks from a trusted root to a leaf in the order of the bundle. Nothing is searched: a chain in another order,
/// with a gap or with a certificate more is refused.
/// </summary>
sealed class CertificateChain(ImmutableArray<AttestationRoot> roots, CertificateCache cache)
{
    const string LeafName = "The leaf certificate";

    static readonly string[] Names =
    [
        "The root certificate",
        "The second certificate of the bundle",
        "The third certificate of the bundle",
        "The fourth certificate of the bundle",
        "A later certificate of the bundle",
    ];

    readonly FrozenSet<CertificateFingerprint> _roots = roots.Select(root => root.Fingerprint).ToFrozenSet();

    /// <summary>Verifies the chain of a document at a moment.</summary>
    /// <returns>The leaf.</returns>
    /// <exception cref="AttestationException">The chain is refused.</exception>
    internal ChainLink Verify(UnverifiedAttestationDocument document, DateTimeOffset moment)
    {
        var bundle = document.CaBundle;
        var leafCertificate = ChainLink.Parse(document.Certificate.ToArray(), AttestationFailure.LeafCertificate);
        if (CertificateFingerprint.Of(bundle[0].Span) is var root && !_roots.Contains(root))
        {
            throw new AttestationException(AttestationFailure.UntrustedRoot, $"The root certificate with SHA-256 {root} is not trusted.");
        }

        ChainLink? link = null;
        for (var index = 0; index < bundle.Length; index++)
        {
            link = Find(link, bundle[index].Span, out var fingerprint)
                ?? Add(link, ChainLink.Parse(bundle[index].ToArray(), AttestationFailure.ChainCertificate), fingerprint, moment);
            CheckAuthority(link.Certificate, Name(index), followers: bundle.Length - 1 - index);
            CheckValidity(link.Certificate, Name(index), moment);
        }

        var leaf = Find(link, document.Certificate.Span, out var leafFingerprint) ?? Add(link, leafCertificate, leafFingerprint, moment);
        CheckLeaf(leaf.Certificate);
        CheckValidity(leaf.Certificate, LeafName, moment);
        return leaf;
    }

    ChainLink? Find(ChainLink? issuer, ReadOnlySpan<byte> der, out CertificateFingerprint fingerprint) => cache.Find(issuer, der, out fingerprint);

    ChainLink Add(ChainLink? issuer, DerCertificate certificate, CertificateFingerprint fingerprint, DateTimeOffset moment) =>
        cache.Add(issuer?.Next(certificate) ?? ChainLink.OfRoot(certificate), fingerprint, moment);

    static void CheckAuthority(DerCertificate certificate, string name, int followers)
    {
        var extensions = certificate.Extensions;
        CheckCritical(extensions, name);
        if (!extensions.IsAuthority)
        {
            throw new AttestationException(AttestationFailure.NotAuthority, $"{name} is not of an authority.");
        }

        if (!extensions.AllowsCertificateSigning)
        {
            throw new AttestationException(AttestationFailure.KeyUsage, $"{name} may not sign certificates.");
        }

        if (extensions.PathLength < followers)
        {
            throw new AttestationException(
                AttestationFailure.PathLength,
                $"{name} allows {extensions.PathLength} authorities below it; {followers} follow.");
        }
    }

    static void CheckLeaf(DerCertificate certificate)
    {
        var extensions = certificate.Extensions;
        CheckCritical(extensions, LeafName);
        if (extensions.IsAuthority || extensions.PathLength is not null)
        {
            throw new AttestationException(AttestationFailure.LeafIsAuthority, $"{LeafName} is of an authority.");
        }

        if (!extensions.AllowsSigning)
        {
            throw new AttestationException(AttestationFailure.KeyUsage, $"{LeafName} may not sign.");
        }
    }

    static void CheckCritical(CertificateExtensions extensions, string name)
    {
        if (extensions.HasUnknownCritical)
        {
            throw new AttestationException(AttestationFailure.CriticalExtension, $"{name} has a critical extension that is unknown.");
        }
    }

    static void CheckValidity(DerCertificate certificate, string name, DateTimeOffset moment)
    {
        if (moment < certificate.NotBefore)
        {
            throw new AttestationException(
                AttestationFailure.CertificateNotYetValid,
                $"{name} is valid from {certificate.NotBefore:u}; the verification is for {moment:u}.");
        }

        if (moment > certificate.NotAfter)
        {
            throw new AttestationException(
                AttestationFailure.CertificateExpired,
                $"{name} expired at {certificate.NotAfter:u}; the verification is for {moment:u}.");
        }
    }

    static string Name(int index) => index < Names.Length ? Names[index] : Names[^1];
}
