using System.Diagnostics.CodeAnalysis;

namespace NitroEnclaves.Attestation;

/// <summary>The outcome of a verification: verified claims, or the one check that failed.</summary>
public sealed class AttestationResult
{
    internal AttestationResult(VerifiedAttestation attestation)
    {
        Attestation = attestation;
        Message = "The document is verified.";
    }

    internal AttestationResult(AttestationFailure failure, string message)
    {
        Failure = failure;
        Message = message;
    }

    /// <summary>Whether every check of the verification and of its policy passed.</summary>
    [MemberNotNullWhen(true, nameof(Attestation))]
    [MemberNotNullWhen(false, nameof(Failure))]
    public bool IsVerified => Attestation is not null;

    /// <summary>The verified claims; null where the document was refused.</summary>
    public VerifiedAttestation? Attestation { get; }

    /// <summary>The check that failed; null where the document is verified.</summary>
    public AttestationFailure? Failure { get; }

    /// <summary>One sentence about the outcome, in English, for people.</summary>
    public string Message { get; }

    /// <summary>The verified claims.</summary>
    /// <exception cref="AttestationException">The document was refused.</exception>
    public VerifiedAttestation GetAttestation() => Attestation ?? throw new AttestationException(Failure!.Value, Message);
}
