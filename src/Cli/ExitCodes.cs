namespace NitroEnclaves.Cli;

/// <summary>Exit codes that are not the number of an E-code.</summary>
static class ExitCodes
{
    /// <summary>Everything asked for was done.</summary>
    public const int Success = 0;

    /// <summary>A document, or an image, was read and refused.</summary>
    public const int Refused = 1;

    /// <summary>Two images differ.</summary>
    public const int Different = 1;

    /// <summary>The command line was wrong (the code that clap, nitro-cli's parser, uses too).</summary>
    public const int Misuse = 2;

    /// <summary>Ended by Ctrl-C.</summary>
    public const int Interrupted = 130;
}
