using System.Formats.Asn1;
using System.Security.Cryptography;

namespace NitroEnclaves.Attestation;

/// <summary>
/// A certificate whose signature is known to be that of the link above it, up to a trusted root; with its key ready for use.
/// What depends on time or on its place in a chain is judged anew for each document.
/// </summary>
/// <remarks>
/// The key is used by several threads at once: verifying with an OpenSSL key takes a context of its own per call.
/// It is left to the finalizer, because a link that the cache has dropped may still be in use.
/// </remarks>
sealed class ChainLink
{
    ChainLink(ChainLink? issuer, DerCertificate certificate, ECDsa key)
    {
        Issuer = issuer;
        Certificate = certificate;
        Key = key;
        RootSha256 = issuer?.RootSha256 ?? CertificateFingerprint.Of(certificate.Encoded.Span).ToString();
    }

    /// <summary>The link above; null for a root.</summary>
    internal ChainLink? Issuer { get; }

    internal DerCertificate Certificate { get; }

    internal ECDsa Key { get; }

    /// <summary>The SHA-256 of the root's certificate, in hexadecimal.</summary>
    internal string RootSha256 { get; }

    /// <summary>The link of a root, which is trusted for being itself; its own signature proves nothing.</summary>
    internal static ChainLink OfRoot(DerCertificate certificate) => new(null, certificate, LoadKey(certificate));

    /// <summary>The link of a certificate that this link's holder has issued.</summary>
    /// <exception cref="AttestationException">The certificate names another issuer, or the signature is not this key's.</exception>
    internal ChainLink Next(DerCertificate certificate)
    {
        if (!certificate.Issuer.Span.SequenceEqual(Certificate.Subject.Span))
        {
            throw new AttestationException(
                AttestationFailure.CertificateIssuer,
                "A certificate was not issued by the holder of the one before it in the bundle.");
        }

        if (!HasSigned(certificate))
        {
            throw new AttestationException(
                AttestationFailure.CertificateSignature,
                "The signature of a certificate is not that of its issuer.");
        }

        return new ChainLink(this, certificate, LoadKey(certificate));
    }

    /// <summary>Reads a certificate and requires its algorithms.</summary>
    internal static DerCertificate Parse(ReadOnlyMemory<byte> der, AttestationFailure malformed)
    {
        DerCertificate certificate;
        try
        {
            certificate = DerCertificate.Parse(der);
        }
        catch (AsnContentException exception)
        {
            throw new AttestationException(malformed, $"A certificate is malformed: {exception.Message}", exception);
        }

        return certificate.IsP384WithSha384
            ? certificate
            : throw new AttestationException(
                AttestationFailure.CertificateAlgorithm,
                "A certificate's key is not on P-384, or its signature is not ECDSA with SHA-384.");
    }

    bool HasSigned(DerCertificate certificate)
    {
        try
        {
            return Key.VerifyData(
                certificate.ToBeSigned.Span,
                certificate.Signature.Span,
                HashAlgorithmName.SHA384,
                DSASignatureFormat.Rfc3279DerSequence);
        }
        catch (CryptographicException)
        {
            // Not even a sequence of two integers.
            return false;
        }
    }

    static ECDsa LoadKey(DerCertificate certificate)
    {
        try
        {
            return P384PublicKey.Load(certificate);
        }
        catch (CryptographicException exception)
        {
            // Well-formed, and still no point on the curve.
            throw new AttestationException(AttestationFailure.CertificateAlgorithm, "A certificate's key is none.", exception);
        }
    }
}
