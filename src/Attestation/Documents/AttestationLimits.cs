namespace NitroEnclaves.Attestation;

/// <summary>The largest documents that are looked at. The defaults are AWS's rules; hardware signs longer fields than they allow.</summary>
public sealed record AttestationLimits
{
    /// <summary>AWS's rules.</summary>
    public static AttestationLimits Default { get; } = new();

    /// <summary>Bytes of a document; 24 KiB, room for the longest payload and its envelope.</summary>
    public int DocumentLength { get; init; } = 24 * 1024;

    /// <summary>Bytes of the payload; 16 KiB.</summary>
    public int PayloadLength { get; init; } = 16 * 1024;

    /// <summary>Bytes of public key, user data and nonce each; 1,024.</summary>
    public int FieldLength { get; init; } = 1024;

    /// <summary>Bytes of each certificate; 1,024.</summary>
    public int CertificateLength { get; init; } = 1024;

    /// <summary>Certificates in the bundle; 8, where documents have 4.</summary>
    public int CaBundleCount { get; init; } = 8;
}
