namespace NitroEnclaves.Attestation;

/// <summary>What an <see cref="AttestationVerifier"/> works with. Read once, when it is created.</summary>
public sealed class AttestationVerifierOptions
{
    /// <summary>The roots that are trusted; AWS's alone by default. A root of one's own is for documents of a local authority.</summary>
    public IReadOnlyList<AttestationRoot> Roots { get; init; } = [AttestationRoot.AwsNitroEnclavesG1];

    /// <summary>The clock of verifications for now; the system's by default.</summary>
    public TimeProvider TimeProvider { get; init; } = TimeProvider.System;

    /// <summary>The sizes of documents that are accepted; AWS's rules by default.</summary>
    public AttestationLimits Limits { get; init; } = AttestationLimits.Default;

    /// <summary>
    /// How many verified certificates are kept, 1,024 by default; 0 for none. With the certificates of an enclave kept,
    /// its next document costs one signature verification instead of five.
    /// </summary>
    public int CertificateCacheCapacity { get; init; } = 1024;
}
