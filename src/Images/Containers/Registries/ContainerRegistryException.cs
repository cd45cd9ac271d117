namespace NitroEnclaves.Images;

/// <summary>A container image could not be fetched from its registry.</summary>
/// <param name="reason">Why.</param>
/// <param name="message">The same for people.</param>
/// <param name="innerException">What was behind it.</param>
public sealed class ContainerRegistryException(ContainerRegistryError reason, string message, Exception? innerException = null)
    : Exception(message, innerException)
{
    /// <summary>Why.</summary>
    public ContainerRegistryError Reason { get; } = reason;
}
