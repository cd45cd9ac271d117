namespace NitroEnclaves.Images;

/// <summary>A folder, an archive or a container image cannot become a root file system.</summary>
/// <param name="reason">What is wrong.</param>
/// <param name="message">The same for people, with the path at fault.</param>
/// <param name="innerException">The failure underneath, if there is one.</param>
public sealed class RootFileSystemException(RootFileSystemError reason, string message, Exception? innerException = null)
    : Exception(message, innerException)
{
    /// <summary>What is wrong.</summary>
    public RootFileSystemError Reason { get; } = reason;
}
