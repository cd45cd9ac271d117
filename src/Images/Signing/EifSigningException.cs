namespace NitroEnclaves.Images;

/// <summary>An image cannot be signed with this key and certificate.</summary>
/// <param name="reason">What is wrong.</param>
/// <param name="message">The same for people.</param>
/// <param name="innerException">The failure underneath, if there is one.</param>
public sealed class EifSigningException(EifSigningError reason, string message, Exception? innerException = null)
    : Exception(message, innerException)
{
    /// <summary>What is wrong.</summary>
    public EifSigningError Reason { get; } = reason;
}
