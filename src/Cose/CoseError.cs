namespace NitroEnclaves.Cose;

/// <summary>Why data is not a COSE_Sign1 of the kind that is signed here.</summary>
public enum CoseError
{
    /// <summary>The data is not well-formed CBOR, or not an array of the four parts; the inner exception says more.</summary>
    Malformed,

    /// <summary>A tag other than 18.</summary>
    UnexpectedTag,

    /// <summary>The protected header is not exactly <c>{1: algorithm}</c> in its shortest form.</summary>
    ProtectedHeader,

    /// <summary>The protected header names an algorithm other than ES256, ES384 and ES512.</summary>
    UnsupportedAlgorithm,

    /// <summary>The unprotected header names an algorithm or what is critical, which only the protected one may.</summary>
    UnprotectedHeader,

    /// <summary>The payload is not in the message (nil).</summary>
    DetachedPayload,

    /// <summary>The signature has not the length of its algorithm.</summary>
    SignatureLength,

    /// <summary>Bytes follow the message.</summary>
    TrailingData,
}
