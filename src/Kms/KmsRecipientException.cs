namespace NitroEnclaves.Kms;

/// <summary>
/// An answer of KMS, or the way to it, cannot be relied upon. What KMS itself refuses comes as the SDK's own exceptions.
/// </summary>
public sealed class KmsRecipientException : Exception
{
    /// <summary>Creates the exception.</summary>
    /// <param name="failure">The check that failed.</param>
    /// <param name="message">What it found.</param>
    /// <param name="innerException">The error behind it, if there is one.</param>
    public KmsRecipientException(KmsRecipientFailure failure, string message, Exception? innerException = null)
        : base(message, innerException) => Failure = failure;

    /// <summary>The check that failed.</summary>
    public KmsRecipientFailure Failure { get; }
}
