namespace NitroEnclaves.Images;

/// <summary>What a look at an image's signature gave.</summary>
public enum EifSignatureStatus
{
    /// <summary>The certificate's key signed this image's PCR0 (and the certificate is valid, if that was asked).</summary>
    Valid,

    /// <summary>The signature is no COSE_Sign1.</summary>
    Malformed,

    /// <summary>The certificate's key is none of P-256, P-384 and P-521.</summary>
    UnsupportedKey,

    /// <summary>The signature is not one of the certificate's key.</summary>
    WrongKey,

    /// <summary>What was signed is not this image's PCR0: the image was changed, or the signature is another's.</summary>
    WrongMeasurement,

    /// <summary>The certificate is not valid yet.</summary>
    CertificateNotYetValid,

    /// <summary>The certificate is no longer valid.</summary>
    CertificateExpired,
}
