namespace NitroEnclaves.Cli;

/// <summary>
/// The name under which the command was called. By a link of the name of a program of AWS's package it stands in for that program:
/// <c>nitro-cli</c>, <c>vsock-proxy</c> or <c>nitro-enclaves-allocator</c>.
/// </summary>
static class CallName
{
    /// <summary>The version of nitro-cli for which the command stands in.</summary>
    public const string NitroCliVersion = "1.5.0";

    const string OwnArguments = "/proc/self/cmdline";

    static readonly string s_name = Path.GetFileNameWithoutExtension(Read());

    /// <summary>Whether it was called as <c>nitro-cli</c>.</summary>
    public static bool IsNitroCli { get; } = s_name == "nitro-cli";

    /// <summary>The verb that the name stands for; null for none.</summary>
    public static string? Verb => s_name switch
    {
        "vsock-proxy" => "vsock-proxy",
        "nitro-enclaves-allocator" => "allocate",
        _ => null,
    };

    /// <summary>What AWS's program of the name answers to <c>--version</c>; null for our own.</summary>
    public static string? Version => s_name switch
    {
        "nitro-cli" => $"Nitro CLI {NitroCliVersion}",
        "vsock-proxy" => "Vsock-TCP proxy 1.0.2",
        _ => null,
    };

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
