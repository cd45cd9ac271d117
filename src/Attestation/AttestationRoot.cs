using System.Security.Cryptography;
using System.Security.Cryptography.X509Certificates;

namespace NitroEnclaves.Attestation;

/// <summary>
/// A trusted root, by the SHA-256 of its certificate. Documents carry the certificate itself as the first of their bundle.
/// </summary>
public sealed class AttestationRoot
{
    AttestationRoot(CertificateFingerprint fingerprint) => Fingerprint = fingerprint;

    /// <summary>
    /// The root of AWS Nitro Enclaves in the commercial partition, <c>CN=aws.nitro-enclaves</c>, valid until 2049 ("G1").
    /// Other partitions have roots of their own.
    /// </summary>
    public static AttestationRoot AwsNitroEnclavesG1 { get; } =
        FromSha256(Convert.FromHexString("641a0321a3e244efe456463195d606317ed7cdcc3c1756e09893f3c68f79bb5b"));

    /// <summary>The SHA-256 of the certificate's DER: 64 lower-case hexadecimal digits.</summary>
    public string Sha256 => Fingerprint.ToString();

    internal CertificateFingerprint Fingerprint { get; }

    /// <summary>Trusts the certificate with a known hash.</summary>
    /// <param name="sha256">The SHA-256 of its DER, 32 bytes.</param>
    /// <exception cref="ArgumentException"><paramref name="sha256"/> has another length.</exception>
    public static AttestationRoot FromSha256(ReadOnlySpan<byte> sha256) => sha256.Length == SHA256.HashSizeInBytes
        ? new AttestationRoot(CertificateFingerprint.Read(sha256))
        : throw new ArgumentException($"A SHA-256 has {SHA256.HashSizeInBytes} bytes, not {sha256.Length}.", nameof(sha256));

    /// <summary>Trusts a certificate.</summary>
    /// <param name="certificate">The certificate, DER or PEM. A private key beside it in PEM is not looked at.</param>
    /// <exception cref="CryptographicException"><paramref name="certificate"/> is not one certificate.</exception>
    public static AttestationRoot FromCertificate(ReadOnlySpan<byte> certificate)
    {
        using var loaded = X509CertificateLoader.LoadCertificate(certificate);
        return FromCertificate(loaded);
    }

    /// <summary>Trusts a certificate.</summary>
    /// <exception cref="ArgumentNullException"><paramref name="certificate"/> is null.</exception>
    public static AttestationRoot FromCertificate(X509Certificate2 certificate)
    {
        ArgumentNullException.ThrowIfNull(certificate);
        return new AttestationRoot(CertificateFingerprint.Of(certificate.RawDataMemory.Span));
    }
}
