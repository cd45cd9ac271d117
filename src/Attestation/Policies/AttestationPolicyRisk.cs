namespace NitroEnclaves.Attestation;

/// <summary>What a policy leaves open although it is not empty.</summary>
public enum AttestationPolicyRisk
{
    /// <summary>No register is expected: any image passes.</summary>
    AnyImage,

    /// <summary>
    /// PCR8 is expected without the image and without a register of the application's own: any image passes that was ever signed
    /// with the certificate, older and vulnerable ones too.
    /// </summary>
    AnySignedImage,

    /// <summary>Of PCR0, 1 and 2 not all are expected: bytes can move between the sections that only the three fix.</summary>
    PartialImage,

    /// <summary>
    /// Only registers are expected that say who started the enclave (PCR3, PCR4), or that the application extends itself.
    /// </summary>
    NoImageIdentity,

    /// <summary>Enclaves in debug mode pass, whose memory the parent instance can read.</summary>
    DebugMode,
}
