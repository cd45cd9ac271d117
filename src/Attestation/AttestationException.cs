namespace NitroEnclaves.Attestation;

/// <summary>An attestation document is malformed, or was refused and its claims were asked for all the same.</summary>
public sealed class AttestationException : Exception
{
    /// <summary>Creates the exception.</summary>
    /// <param name="failure">The check that failed.</param>
    /// <param name="message">What it found.</param>
    /// <param name="innerException">The error behind it, if there is one.</param>
    public AttestationException(AttestationFailure failure, string message, Exception? innerException = null)
        : base(message, innerException) => Failure = failure;

    /// <summary>The check that failed.</summary>
    public AttestationFailure Failure { get; }
}
