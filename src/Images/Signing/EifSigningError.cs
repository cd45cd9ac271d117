namespace NitroEnclaves.Images;

/// <summary>Why an image cannot be signed.</summary>
public enum EifSigningError
{
    /// <summary>There is no certificate in the file.</summary>
    CertificateUnreadable,

    /// <summary>There is no private key in the file.</summary>
    KeyUnreadable,

    /// <summary>The private key is encrypted and no password was given.</summary>
    PasswordRequired,

    /// <summary>The private key does not open with the password.</summary>
    WrongPassword,

    /// <summary>The key is none of P-256, P-384 and P-521.</summary>
    UnsupportedKey,

    /// <summary>The certificate is for another key, or the signature is not of the certificate's key.</summary>
    KeyMismatch,

    /// <summary>The certificate is not valid yet.</summary>
    CertificateNotYetValid,

    /// <summary>The certificate is no longer valid.</summary>
    CertificateExpired,

    /// <summary>A detached signature is neither r||s nor DER of the key's size.</summary>
    MalformedSignature,

    /// <summary>The certificate file makes the signature section larger than 32768 bytes.</summary>
    SectionTooLarge,

    /// <summary>The image has 32 sections already.</summary>
    NoFreeSection,
}
