using System.Security.Cryptography;
using System.Security.Cryptography.X509Certificates;
using NitroEnclaves.Nsm;

namespace NitroEnclaves.Hosting;

/// <summary>
/// A self-signed certificate that carries an attestation document about its own key. Whoever completes a TLS handshake with it holds the
/// key that the enclave made: the document states the key (<c>public_key</c>: its SubjectPublicKeyInfo), and what it is for
/// (<c>user_data</c>: <see cref="Purpose"/>), so that a document made for something else does not pass.
/// </summary>
public static class AttestedCertificate
{
    /// <summary>The object identifier of the extension whose value is the document, in the arc of UUIDs (ITU-T X.667).</summary>
    public const string ExtensionOid = "2.25.310283647951726301545213880312672401921";

    // As long as any hardware document lives.
    static readonly TimeSpan s_lifetime = TimeSpan.FromHours(3);
    static readonly TimeSpan s_backdated = TimeSpan.FromMinutes(5);

    /// <summary>What stands in the document's user data.</summary>
    public static ReadOnlySpan<byte> Purpose => "nitro-enclaves-dotnet attested TLS, version 1"u8;

    /// <summary>Makes a P-256 key, has the NSM vouch for it, and puts both into a certificate. Blocks for as long as the NSM takes.</summary>
    /// <param name="nsm">Whom to ask for the document.</param>
    /// <param name="timeProvider">The clock of the certificate's dates; null for the system's. Clients do not look at them.</param>
    /// <returns>The certificate with its private key, which never leaves this process; the caller disposes of it.</returns>
    /// <exception cref="NsmException">The NSM refuses.</exception>
    public static X509Certificate2 Create(NsmClient nsm, TimeProvider? timeProvider = null)
    {
        ArgumentNullException.ThrowIfNull(nsm);
        using var key = ECDsa.Create(ECCurve.NamedCurves.nistP256);
        var document = nsm.GetAttestationDocument(userData: Purpose.ToArray(), publicKey: key.ExportSubjectPublicKeyInfo());
        var request = new CertificateRequest("CN=nitro-enclave", key, HashAlgorithmName.SHA256);
        request.CertificateExtensions.Add(new X509KeyUsageExtension(X509KeyUsageFlags.DigitalSignature, critical: true));
        var names = new SubjectAlternativeNameBuilder();
        names.AddDnsName("nitro-enclave");
        request.CertificateExtensions.Add(names.Build());
        request.CertificateExtensions.Add(new X509Extension(ExtensionOid, document, critical: false));
        var now = (timeProvider ?? TimeProvider.System).GetUtcNow();
        return request.CreateSelfSigned(now - s_backdated, now + s_lifetime);
    }

    /// <summary>The document that a certificate carries; null where it carries none, or one longer than any document is.</summary>
    /// <param name="certificate">Any certificate; what it says is not yet verified.</param>
    public static byte[]? FindDocument(X509Certificate2 certificate)
    {
        ArgumentNullException.ThrowIfNull(certificate);
        var document = certificate.Extensions.FirstOrDefault(extension => extension.Oid?.Value == ExtensionOid)?.RawData;
        return document?.Length <= NsmLimits.MaxResponseLength ? document : null;
    }
}
