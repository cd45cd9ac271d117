using NitroEnclaves.Images;

namespace NitroEnclaves.Cli.Building;

/// <summary>What the command line says about the program to start; what it does not say, the image's source does.</summary>
sealed record ProgramRequest
{
    /// <summary>The program and its arguments, in place of ENTRYPOINT and CMD; empty where the source says it.</summary>
    public IReadOnlyList<string> Command { get; init; } = [];

    /// <summary>Variables as NAME=VALUE, over those of the source.</summary>
    public IReadOnlyList<string> Environment { get; init; } = [];

    /// <summary>The folder to start in; null for the source's.</summary>
    public string? WorkingDirectory { get; init; }

    /// <summary>The user to start as; null for the source's.</summary>
    public string? User { get; init; }

    /// <summary>Puts both together.</summary>
    /// <param name="parts">The image's files and what their source says.</param>
    /// <param name="profile">nitro-cli takes CMD or else ENTRYPOINT, and neither folder nor user.</param>
    /// <exception cref="CommandFailure">Nobody says what to start, or the user is not among the image's.</exception>
    public ProgramDescription Resolve(RootFileSystemParts parts, RamdiskProfile profile)
    {
        var configuration = parts.Configuration;
        var described = configuration is null || Command.Count > 0 ? null
            : configuration.Entrypoint.Count + configuration.Command.Count == 0 ? throw new CommandFailure(48, "The container image has neither ENTRYPOINT nor CMD: name the program to start after --.")
            : profile == RamdiskProfile.NitroCli ? configuration.ToNitroCliProgram() : configuration.ToProgram();
        var honoured = profile == RamdiskProfile.NitroCli ? null : configuration;
        var program = new ProgramDescription
        {
            Command = Command.Count > 0 ? Command
                : described?.Command
                ?? (parts.PublishedProgram is { } published ? [published] : throw new CommandFailure(48, "Name the program to start after --.")),
            Environment = Merge(configuration?.Environment ?? []),
            WorkingDirectory = WorkingDirectory ?? Absolute(honoured?.WorkingDirectory),
            User = User ?? honoured?.User,
        };
        if (program.User is not null)
        {
            ImageUser.Check(parts.Root, program.User);
        }

        return program;
    }

    // As Docker has it: a variable keeps its place, and takes the new value.
    List<string> Merge(IReadOnlyList<string> described)
    {
        var merged = described.ToList();
        foreach (var variable in Environment)
        {
            var name = variable.Split('=')[0] + "=";
            var place = merged.FindIndex(other => other.StartsWith(name, StringComparison.Ordinal));
            if (place < 0)
            {
                merged.Add(variable);
            }
            else
            {
                merged[place] = variable;
            }
        }

        return merged;
    }

    static string? Absolute(string? folder) => folder is null || folder.StartsWith('/') ? folder : "/" + folder;
}
