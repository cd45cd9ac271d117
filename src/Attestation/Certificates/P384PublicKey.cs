using System.Runtime.Versioning;
using System.Security.Cryptography;
using System.Security.Cryptography.X509Certificates;

namespace NitroEnclaves.Attestation;

/// <summary>Makes a certificate's P-384 key ready for verifying.</summary>
/// <remarks>
/// The platform's ways are dear beside a verification (0.52 ms): importing a key takes 0.70 ms more, because it multiplies the point by the
/// order of the curve to prove it a member of the group; loading the certificate takes 0.15 ms. Where OpenSSL can be called, it takes
/// 0.03 ms: it checks that the point is on the curve, and on P-384, whose cofactor is 1, every point of the curve is a member.
/// </remarks>
static class P384PublicKey
{
    /// <summary>Takes the key of a certificate that is known to have one on P-384.</summary>
    /// <param name="certificate">The certificate.</param>
    /// <exception cref="CryptographicException">The point is not on the curve.</exception>
    internal static ECDsa Load(DerCertificate certificate) =>
        OperatingSystem.IsLinux() && Interop.HasLibcrypto
            ? Decode(certificate.PublicPoint.Span)
            : LoadCertificate(certificate.Encoded.Span);

    /// <summary>By the platform alone. As for all keys of certificates, the curve is checked and the order is not.</summary>
    internal static ECDsa LoadCertificate(ReadOnlySpan<byte> certificate)
    {
        using var loaded = X509CertificateLoader.LoadCertificate(certificate);
        return loaded.GetECDsaPublicKey() ?? throw new CryptographicException("The certificate has no ECDSA key.");
    }

    /// <summary>By OpenSSL.</summary>
    /// <param name="point">The uncompressed point: 4, x, y.</param>
    [SupportedOSPlatform("linux")]
    internal static ECDsa Decode(ReadOnlySpan<byte> point)
    {
        using var key = Interop.EC_KEY_new_by_curve_name(Interop.NID_secp384r1);
        return !key.IsInvalid && Interop.EC_KEY_oct2key(key, point, (nuint)point.Length, 0) == 1
            ? new ECDsaOpenSsl(key.DangerousGetHandle()) // takes a reference of its own
            : throw new CryptographicException("The key is not a point on P-384.");
    }
}
