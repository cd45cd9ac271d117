using System.Security.Cryptography;
using System.Security.Cryptography.X509Certificates;
using System.Text;
using NitroEnclaves.Cose;
using NitroEnclaves.Nsm;

namespace NitroEnclaves.Images;

/// <summary>Signs images with a key and its certificate. Whatever can be wrong with the two is found before anything is written.</summary>
public sealed class EifSigner : IDisposable
{
    readonly byte[] _certificatePem;
    readonly ICoseSigner _key;
    readonly TimeProvider _time;
    readonly ECDsa? _owned;
    readonly ECDsa _publicKey;

    /// <summary>Signs with a key that may be anywhere: here, in a key management service, in a token.</summary>
    /// <param name="certificatePem">
    /// The certificate's PEM file, one certificate or a chain that begins with the signer's; goes into the image verbatim.
    /// </param>
    /// <param name="key">The private key.</param>
    /// <param name="time">Says whether the certificate is valid now; null for the system's clock.</param>
    /// <exception cref="EifSigningException">
    /// The certificate cannot be read, is not valid now, or has a key of another kind than <paramref name="key"/>.
    /// </exception>
    public EifSigner(ReadOnlySpan<byte> certificatePem, ICoseSigner key, TimeProvider? time = null)
        : this(certificatePem, key, time, owned: null)
    {
    }

    EifSigner(ReadOnlySpan<byte> certificatePem, ICoseSigner key, TimeProvider? time, ECDsa? owned)
    {
        ArgumentNullException.ThrowIfNull(key);
        _certificatePem = certificatePem.ToArray();
        _key = key;
        _time = time ?? TimeProvider.System;
        _owned = owned;
        using var certificate = OpenCertificate(certificatePem);
        CheckDates(certificate);
        _publicKey = OpenPublicKey(certificate);
        Algorithm = key.Algorithm;
        if (_publicKey.GetCoseAlgorithm() != Algorithm)
        {
            _publicKey.Dispose();
            throw new EifSigningException(EifSigningError.KeyMismatch,
                "The certificate is for a key on another curve than the private key's.");
        }

        Pcr8 = PcrValue.OfContent(certificate.RawData);
    }

    /// <summary>The algorithm, which follows from the key's curve.</summary>
    public CoseAlgorithm Algorithm { get; }

    /// <summary>The certificate's measurement.</summary>
    public PcrValue Pcr8 { get; }

    /// <summary>PCR8 of images signed with a certificate, as <c>pcr --signing-certificate</c> prints it.</summary>
    /// <param name="certificatePem">The certificate's PEM file; of a chain the first one counts.</param>
    /// <exception cref="EifSigningException">There is no readable certificate in the file.</exception>
    public static PcrValue MeasureCertificate(ReadOnlySpan<byte> certificatePem)
    {
        using var certificate = OpenCertificate(certificatePem);
        return PcrValue.OfContent(certificate.RawData);
    }

    /// <summary>A certificate's public key, to be compared with the one of a key management service.</summary>
    /// <param name="certificatePem">The certificate's PEM file; of a chain the first one counts.</param>
    /// <returns>The DER encoding of SubjectPublicKeyInfo (RFC 5280, 4.1).</returns>
    /// <exception cref="EifSigningException">The certificate cannot be read, or its key is on none of the three curves.</exception>
    public static byte[] GetSubjectPublicKeyInfo(ReadOnlySpan<byte> certificatePem)
    {
        using var certificate = OpenCertificate(certificatePem);
        using var key = OpenPublicKey(certificate);
        return key.ExportSubjectPublicKeyInfo();
    }

    /// <summary>Signs with a key from a PEM file.</summary>
    /// <param name="certificatePem">
    /// The certificate's PEM file, one certificate or a chain that begins with the signer's; goes into the image verbatim.
    /// </param>
    /// <param name="keyPem">The key's PEM file: SEC1, PKCS#8, or encrypted PKCS#8.</param>
    /// <param name="password">The password of an encrypted key; empty for none.</param>
    /// <param name="time">Says whether the certificate is valid now; null for the system's clock.</param>
    /// <exception cref="EifSigningException">The key or the certificate cannot be used, or they do not belong together.</exception>
    public static EifSigner FromPem(ReadOnlySpan<byte> certificatePem, ReadOnlySpan<char> keyPem, ReadOnlySpan<char> password = default,
        TimeProvider? time = null)
    {
        var key = PrivateKeyFile.Open(keyPem, password);
        try
        {
            using (var certificate = OpenCertificate(certificatePem))
            using (var publicKey = OpenPublicKey(certificate))
            {
                if (!publicKey.ExportSubjectPublicKeyInfo().AsSpan().SequenceEqual(key.ExportSubjectPublicKeyInfo()))
                {
                    throw new EifSigningException(EifSigningError.KeyMismatch, "The certificate is not for this private key.");
                }
            }

            return new EifSigner(certificatePem, new ECDsaCoseSigner(key), time, key);
        }
        catch
        {
            key.Dispose();
            throw;
        }
    }

    /// <summary>Signs.</summary>
    /// <param name="pcr0">The image's PCR0.</param>
    /// <exception cref="EifSigningException">
    /// The certificate is not valid any more, the key made a signature that the certificate does not verify, or the section would
    /// be too large.
    /// </exception>
    public EifSignature Sign(PcrValue pcr0)
    {
        using (var certificate = OpenCertificate(_certificatePem))
        {
            CheckDates(certificate);
        }

        byte[] message = CoseSign1.Sign(PcrSignaturePayload.Encode(pcr0), _key);
        if (!CoseSign1Message.Parse(message).Verify(_publicKey))
        {
            throw new EifSigningException(EifSigningError.KeyMismatch, "The signature is not one of the certificate's key.");
        }

        var signature = new EifSignature(_certificatePem, message);
        int size = signature.Encode().Length;
        return size <= EifLayout.MaxSignature
            ? signature
            : throw new EifSigningException(EifSigningError.SectionTooLarge,
                $"The signature section would have {size} bytes; {EifLayout.MaxSignature} are the most. Shorten the certificate file.");
    }

    /// <summary>Frees the keys that this object opened itself.</summary>
    public void Dispose()
    {
        _publicKey.Dispose();
        _owned?.Dispose();
    }

    /// <summary>The first certificate of a PEM file.</summary>
    internal static X509Certificate2 OpenCertificate(ReadOnlySpan<byte> pem)
    {
        try
        {
            return X509Certificate2.CreateFromPem(Encoding.Latin1.GetString(pem));
        }
        catch (CryptographicException e)
        {
            throw new EifSigningException(EifSigningError.CertificateUnreadable, "There is no readable certificate in the file (PEM).", e);
        }
    }

    /// <summary>A certificate's key, on one of the three curves.</summary>
    internal static ECDsa OpenPublicKey(X509Certificate2 certificate)
    {
        ECDsa? key = null;
        try
        {
            key = certificate.GetECDsaPublicKey();
            if (key?.GetCoseAlgorithm() is not null)
            {
                return key;
            }
        }
        catch (CryptographicException)
        {
            // Curves that the system's library does not know.
        }

        key?.Dispose();
        throw new EifSigningException(EifSigningError.UnsupportedKey, "The certificate's key is not on P-256, P-384 or P-521.");
    }

    void CheckDates(X509Certificate2 certificate)
    {
        var now = _time.GetUtcNow();
        if (now < certificate.NotBefore)
        {
            throw new EifSigningException(EifSigningError.CertificateNotYetValid,
                $"The certificate is valid from {certificate.NotBefore.ToUniversalTime():u} on.");
        }

        if (now > certificate.NotAfter)
        {
            throw new EifSigningException(EifSigningError.CertificateExpired,
                $"The certificate was valid until {certificate.NotAfter.ToUniversalTime():u}.");
        }
    }
}
