namespace NitroEnclaves.Cose;

/// <summary>ECDSA signature algorithms with their COSE identifiers (RFC 9053 section 2.1). Curve and hash belong together here.</summary>
public enum CoseAlgorithm
{
    /// <summary>ECDSA on P-256 with SHA-256.</summary>
    ES256 = -7,

    /// <summary>ECDSA on P-384 with SHA-384: attestation documents.</summary>
    ES384 = -35,

    /// <summary>ECDSA on P-521 with SHA-512.</summary>
    ES512 = -36,
}
