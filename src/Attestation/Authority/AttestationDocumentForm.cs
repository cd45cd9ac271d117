namespace NitroEnclaves.Attestation;

/// <summary>The two forms in which hardware has written payloads. They carry the same fields.</summary>
public enum AttestationDocumentForm
{
    /// <summary>A map of nine entries, as documents were until the summer of 2025.</summary>
    DefiniteLength,

    /// <summary>A map of indefinite length, as documents are since then; registers and bundle stay definite.</summary>
    IndefiniteLength,
}
