namespace NitroEnclaves.Attestation;

/// <summary>The keys of a payload, in the order in which hardware writes them.</summary>
enum AttestationField
{
    ModuleId,
    Digest,
    Timestamp,
    Pcrs,
    Certificate,
    CaBundle,
    PublicKey,
    UserData,
    Nonce,
    Unknown,
}
