using System.Collections.Concurrent;
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

    readonly ConcurrentDictionary<CertificateFingerprint, ChainLink?> _roots =
        new(roots.Select(root => root.Fingerprint).Distinct().Select(fingerprint => KeyValuePair.Create(fingerprint, (ChainLink?)null)));

    /// <summary>Verifies the chain of a document at a moment.</summary>
    /// <returns>The leaf.</returns>
    /// <exception cref="AttestationException">The chain is refused.</exception>
    internal ChainLink Verify(UnverifiedAttestationDocument document, DateTimeOffset moment)
    {
        var bundle = document.CaBundle;
        var leafCertificate = ChainLink.Parse(document.Certificate.ToArray(), AttestationFailure.LeafCertificate);
        var link = FindRoot(bundle[0]);
        for (var index = 0; index < bundle.Length; index++)
        {
            link = index == 0 ? link : FindIssued(link, bundle[index], null, moment);
            CheckAuthority(link.Certificate, Name(index), followers: bundle.Length - 1 - index);
            CheckValidity(link.Certificate, Name(index), moment);
        }

        var leaf = FindIssued(link, document.Certificate, leafCertificate, moment);
        CheckLeaf(leaf.Certificate);
        CheckValidity(leaf.Certificate, LeafName, moment);
        return leaf;
    }

    /// <summary>The link of a trusted root. There are few of them, so that they are kept for good.</summary>
    ChainLink FindRoot(ReadOnlyMemory<byte> der)
    {
        var fingerprint = CertificateFingerprint.Of(der.Span);
        if (!_roots.TryGetValue(fingerprint, out var link))
        {
            throw new AttestationException(
                AttestationFailure.UntrustedRoot,
                $"The root certificate with SHA-256 {fingerprint} is not trusted.");
        }

        if (link is null)
        {
            link = ChainLink.OfRoot(ChainLink.Parse(der.ToArray(), AttestationFailure.ChainCertificate));
            _roots.TryUpdate(fingerprint, link, null);
            link = _roots[fingerprint]!;
        }

        return link;
    }

    /// <summary>The link of a certificate that the holder of another issued: one verified before, or verified now.</summary>
    ChainLink FindIssued(ChainLink issuer, ReadOnlyMemory<byte> der, DerCertificate? parsed, DateTimeOffset moment)
    {
        if (cache.Find(issuer, der.Span, out var fingerprint) is { } known)
        {
            return known;
        }

        // The cache outlives the document: a copy keeps it from holding the whole of it.
        var link = issuer.Next(parsed ?? ChainLink.Parse(der.ToArray(), AttestationFailure.ChainCertificate));
        return cache.Add(link, fingerprint, moment);
    }

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
