namespace NitroEnclaves.Cli;

/// <summary>The name under which the command was called. As <c>nitro-cli</c>, by a link, it stands in for AWS's command.</summary>
static class CallName
{
    const string OwnArguments = "/proc/self/cmdline";

    /// <summary>Whether it was called as <c>nitro-cli</c>.</summary>
    public static bool IsNitroCli { get; } = Path.GetFileNameWithoutExtension(Read()) == "nitro-cli";

    // .NET tells the program's real file, behind any link.
    static string Read()
    {
        try
        {
            var arguments = File.ReadAllText(OwnArguments);
            return arguments[..Math.Max(arguments.IndexOf('\0', StringComparison.Ordinal), 0)];
        }
        catch (Exception exception) when (exception is IOException or UnauthorizedAccessException)
        {
            return Environment.GetCommandLineArgs()[0];
        }
    }
}
