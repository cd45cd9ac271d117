using System.CommandLine;
using System.CommandLine.Parsing;
using NitroEnclaves.Enclaves;
using NitroEnclaves.Images;

namespace NitroEnclaves.Cli.Commands;

/// <summary>The options of <c>run-enclave</c> for a root file system in a folder, under the names that <c>build-enclave</c> has for them.</summary>
sealed class RootFolderOptions
{
    readonly Option<string?> _folder = new("--rootfs") { HelpName = "DIR", Description = "Process engine: a folder with a root file system in an image's place, and after -- what to start. Nothing of it is measured; implies --debug-mode." };
    readonly Option<string[]> _environment = new("--env") { HelpName = "NAME=VALUE", Description = "With --rootfs: an environment variable. May be repeated." };
    readonly Option<string?> _workingDirectory = new("--workdir") { HelpName = "PATH", Description = "With --rootfs: the folder to start the program in." };
    readonly Option<string?> _user = new("--user") { HelpName = "USER[:GROUP]", Description = "With --rootfs: as whom to start the program." };
    readonly Argument<string[]> _program = new("command")
    {
        Arity = ArgumentArity.ZeroOrMore,
        Description = "With --rootfs: the program to run in the enclave and its arguments, after --.",
    };

    /// <summary>Lets a command have the options.</summary>
    public void AddTo(Command command)
    {
        command.Add(_folder);
        command.Add(_environment);
        command.Add(_workingDirectory);
        command.Add(_user);
        command.Add(_program);
    }

    /// <summary>Whether a folder was given.</summary>
    public bool IsMeant(CommandResult result) => result.GetValue(_folder) is not null;

    /// <summary>Adds an error for each rule that is broken.</summary>
    public void Check(CommandResult result)
    {
        var isProgramGiven = result.GetValue(_program) is { Length: > 0 };
        if (IsMeant(result))
        {
            if (!isProgramGiven)
            {
                result.AddError("A root file system does not say what to start: name the program after --.");
            }
        }
        else if (isProgramGiven || result.GetValue(_environment) is { Length: > 0 } || result.GetValue(_workingDirectory) is not null || result.GetValue(_user) is not null)
        {
            result.AddError("An image says itself what to start: a program, --env, --workdir and --user go with --rootfs.");
        }
    }

    /// <summary>What the options say; null where no folder was given.</summary>
    public RootFolder? Read(ParseResult parsed) => parsed.GetValue(_folder) is not { } folder ? null : new RootFolder
    {
        Path = folder,
        Program = new ProgramDescription
        {
            Command = parsed.GetValue(_program) ?? [],
            Environment = parsed.GetValue(_environment) ?? [],
            WorkingDirectory = parsed.GetValue(_workingDirectory),
            User = parsed.GetValue(_user),
        },
    };
}
