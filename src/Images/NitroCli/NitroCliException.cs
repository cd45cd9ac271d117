namespace NitroEnclaves.Images;

/// <summary>A failure with the code and the text that nitro-cli has for it.</summary>
/// <param name="code">The number of nitro-cli's error code: 35 for E35. It is the exit code too.</param>
/// <param name="message">nitro-cli's text.</param>
/// <param name="innerException">The failure underneath, if there is one.</param>
public sealed class NitroCliException(int code, string message, Exception? innerException = null) : Exception(message, innerException)
{
    /// <summary>The number of nitro-cli's error code: 35 for E35. It is the exit code too.</summary>
    public int Code { get; } = code;
}
