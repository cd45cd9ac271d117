namespace NitroEnclaves.Cli;

/// <summary>A failure that the command itself found: one line for the user and the exit code.</summary>
/// <param name="code">nitro-cli's error number, which is printed as <c>[ Exx ]</c> and is the exit code.</param>
/// <param name="message">What failed, on what, and what to do next.</param>
sealed class CommandFailure(int code, string message) : Exception(message)
{
    /// <summary>nitro-cli's error number.</summary>
    public int Code { get; } = code;
}
