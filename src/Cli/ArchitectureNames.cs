using NitroEnclaves.Images;

namespace NitroEnclaves.Cli;

/// <summary>How processor architectures are called on the command line: as <c>uname -m</c> has it, and as others do.</summary>
static class ArchitectureNames
{
    /// <summary>x86_64 or aarch64.</summary>
    public static string Of(EifArchitecture architecture) => architecture == EifArchitecture.Arm64 ? "aarch64" : "x86_64";

    /// <summary>Reads a name.</summary>
    /// <exception cref="CommandFailure">It names no architecture that images can have.</exception>
    public static EifArchitecture Parse(string name) => name switch
    {
        "x86_64" or "amd64" or "x64" => EifArchitecture.X64,
        "aarch64" or "arm64" => EifArchitecture.Arm64,
        _ => throw new CommandFailure(3, $"The architecture {name} is not known: it is x86_64 or aarch64."),
    };
}
