namespace NitroEnclaves.Attestation;

/// <summary>
/// Why a document was refused: one value per check, in the order in which the checks are made. The first that fails is the one reported.
/// </summary>
public enum AttestationFailure
{
    /// <summary>The document is empty or longer than allowed.</summary>
    DocumentLength,

    /// <summary>Not a COSE_Sign1: not well-formed CBOR, not the four parts, a tag other than 18.</summary>
    Envelope,

    /// <summary>Bytes follow the COSE_Sign1.</summary>
    EnvelopeTrailingData,

    /// <summary>The protected header is not exactly <c>{1: -35}</c> (ES384).</summary>
    Algorithm,

    /// <summary>The unprotected header is not empty.</summary>
    UnprotectedHeader,

    /// <summary>The signature has not 96 bytes.</summary>
    SignatureLength,

    /// <summary>The payload is empty or longer than allowed.</summary>
    PayloadLength,

    /// <summary>The payload is not a well-formed CBOR map with text keys.</summary>
    Payload,

    /// <summary>Bytes follow the map in the payload.</summary>
    PayloadTrailingData,

    /// <summary>A field stands in the payload twice.</summary>
    DuplicateField,

    /// <summary>A field that every document has is not there.</summary>
    MissingField,

    /// <summary>The module id is not the text of an enclave's: <c>&lt;instance&gt;-enc&lt;enclave&gt;</c>.</summary>
    ModuleId,

    /// <summary>The digest is not the text <c>SHA384</c>.</summary>
    Digest,

    /// <summary>The timestamp is not a positive number of milliseconds that a date can hold.</summary>
    Timestamp,

    /// <summary>The registers are not 1 to 32 different indexes from 0 to 31 with 48 bytes each.</summary>
    Pcrs,

    /// <summary>The certificate field is not a byte string of allowed length.</summary>
    CertificateField,

    /// <summary>The bundle field is not an array of at least one byte string, each of allowed length.</summary>
    CaBundleField,

    /// <summary>The public key is neither null nor a byte string of allowed length, at least one byte.</summary>
    PublicKeyField,

    /// <summary>The user data is neither null nor a byte string of allowed length.</summary>
    UserDataField,

    /// <summary>The nonce is neither null nor a byte string of allowed length.</summary>
    NonceField,

    /// <summary>The leaf certificate is not a well-formed X.509 version 3 certificate.</summary>
    LeafCertificate,

    /// <summary>The first certificate of the bundle is not a trusted root.</summary>
    UntrustedRoot,

    /// <summary>A certificate of the bundle is not a well-formed X.509 version 3 certificate.</summary>
    ChainCertificate,

    /// <summary>A certificate's key is not on P-384, or its signature is not ECDSA with SHA-384.</summary>
    CertificateAlgorithm,

    /// <summary>A certificate names another issuer than the one before it in the bundle.</summary>
    CertificateIssuer,

    /// <summary>A certificate is not signed by the one before it in the bundle.</summary>
    CertificateSignature,

    /// <summary>A certificate has an extension that is critical and unknown.</summary>
    CriticalExtension,

    /// <summary>A certificate of the bundle is not one of an authority.</summary>
    NotAuthority,

    /// <summary>A certificate of the bundle may not sign certificates, or the leaf may not sign.</summary>
    KeyUsage,

    /// <summary>More certificates follow one in the bundle than its path length allows.</summary>
    PathLength,

    /// <summary>The leaf is a certificate of an authority, or has a path length.</summary>
    LeafIsAuthority,

    /// <summary>A certificate is not valid yet at the time of verification.</summary>
    CertificateNotYetValid,

    /// <summary>A certificate is no longer valid at the time of verification.</summary>
    CertificateExpired,

    /// <summary>The document's signature is not the leaf's.</summary>
    Signature,

    /// <summary>The leaf was issued to another module than the one that the document names.</summary>
    ModuleIdMismatch,

    /// <summary>PCR4 is not that of the instance that the module id names.</summary>
    InstanceMismatch,

    /// <summary>The timestamp lies in the future of the time of verification, by more than clocks may differ.</summary>
    FromTheFuture,

    /// <summary>The document is older than the policy allows.</summary>
    TooOld,

    /// <summary>The enclave runs in debug mode: PCR0, 1 or 2 is zero.</summary>
    DebugMode,

    /// <summary>A register that the policy expects is not in the document.</summary>
    MissingPcr,

    /// <summary>PCR0, 1 and 2 together are none of the policy's images.</summary>
    ImageMismatch,

    /// <summary>A register has another value than the policy expects.</summary>
    PcrMismatch,

    /// <summary>The document carries another nonce than expected, or none.</summary>
    NonceMismatch,

    /// <summary>The document carries another public key than expected, or none.</summary>
    PublicKeyMismatch,

    /// <summary>The document carries other user data than expected, or none.</summary>
    UserDataMismatch,
}
