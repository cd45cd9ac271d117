using System.Security.Cryptography;
using System.Security.Cryptography.X509Certificates;

namespace NitroEnclaves.Attestation;

/// <summary>A private key with its certificate, able to issue further ones.</summary>
sealed class CertifiedKey : IDisposable
{
    internal CertifiedKey(byte[] certificate, ECDsa key)
    {
        Certificate = certificate;
        Key = key;
        Parsed = ChainLink.Parse(certificate, AttestationFailure.ChainCertificate);
        Subject = new X500DistinguishedName(Parsed.Subject.Span);
        SubjectKey = new PublicKey(key);
    }

    /// <summary>The certificate, DER.</summary>
    internal byte[] Certificate { get; }

    internal ECDsa Key { get; }

    internal DerCertificate Parsed { get; }

    internal X500DistinguishedName Subject { get; }

    internal PublicKey SubjectKey { get; }

    /// <summary>Whether the certificate is valid from <paramref name="now"/> on for at least a time.</summary>
    internal bool IsValid(DateTimeOffset now, TimeSpan atLeast) => Parsed.NotBefore <= now && Parsed.NotAfter >= now + atLeast;

    /// <summary>Whether this key's certificate was signed by another's.</summary>
    internal bool IsIssuedBy(CertifiedKey issuer)
    {
        try
        {
            ChainLink.OfRoot(issuer.Parsed).Next(Parsed);
            return true;
        }
        catch (AttestationException)
        {
            return false;
        }
    }

    /// <summary>Whether the certificate is this key's and not another's.</summary>
    internal bool HasOwnKey()
    {
        using var certificate = X509CertificateLoader.LoadCertificate(Certificate);
        return certificate.PublicKey.ExportSubjectPublicKeyInfo().AsSpan().SequenceEqual(SubjectKey.ExportSubjectPublicKeyInfo());
    }

    public void Dispose() => Key.Dispose();
}
