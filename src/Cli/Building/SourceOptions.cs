using System.CommandLine;
using System.CommandLine.Parsing;

namespace NitroEnclaves.Cli.Building;

/// <summary>The options of <c>build-enclave</c> that say where the files of the root file system come from.</summary>
sealed class SourceOptions
{
    readonly Option<string?> _publish = new("--publish") { HelpName = "DIR", Description = "The output of a self-contained dotnet publish: goes to /app with what it is linked to, and is started." };
    readonly Option<string?> _container = new("--container-image") { HelpName = "PATH", Description = "A container image in a file: an OCI layout (folder or tar), or what docker save or podman save wrote." };
    readonly Option<string?> _reference = new("--reference") { HelpName = "NAME", Description = "Which image of --container-image, where there are several." };
    readonly Option<string?> _archive = new("--rootfs-tar") { HelpName = "FILE", Description = "A whole root file system as a tar archive, as docker export writes it (plain, gzip, zstd, xz)." };
    readonly Option<string?> _dockerUri = new("--docker-uri") { HelpName = "NAME", Description = "A container image by its name: from a local Docker or Podman, else from its registry." };
    readonly Option<string?> _dockerFolder = new("--docker-dir") { HelpName = "DIR", Description = "A folder with a Dockerfile, built as --docker-uri by docker, podman or buildah." };
    readonly Option<bool> _runtimeLibraries = new("--runtime-libraries") { Description = "Add the C runtime that self-contained .NET programs are linked to (Debian's, from the cache folder)." };
    readonly Option<string[]> _directories = new("--directory")
    {
        HelpName = "DIR[:PATH]",
        Description = "A folder that becomes (part of) the root file system, at PATH (default /), over the source above. May be repeated; later ones win.",
    };

    Option<string?>[] Whole => [_publish, _container, _archive, _dockerUri];

    /// <summary>Lets a command have the options.</summary>
    public void AddTo(Command command)
    {
        Option[] all = [_publish, _container, _reference, _archive, _dockerUri, _dockerFolder, _directories, _runtimeLibraries];
        foreach (var option in all)
        {
            command.Add(option);
        }
    }

    /// <summary>Whether any of them was given.</summary>
    public bool Given(CommandResult result) =>
        Whole.Any(option => result.GetValue(option) is not null) || result.GetValue(_dockerFolder) is not null || Directories(result).Length > 0;

    /// <summary>Adds an error for each rule that is broken.</summary>
    /// <param name="result">What was parsed.</param>
    /// <param name="program">The program to start, empty where none was named.</param>
    public void Check(CommandResult result, string[] program)
    {
        var sources = Whole.Count(option => result.GetValue(option) is not null);
        if (sources > 1)
        {
            result.AddError($"Only one of {string.Join(", ", Whole.Select(option => option.Name))} can be the source.");
        }

        if (!Given(result))
        {
            result.AddError($"The image needs files: one of {string.Join(", ", Whole.Select(option => option.Name))}, or --directory; or --kernel, --cmdline and --ramdisk.");
        }

        if (result.GetValue(_dockerFolder) is not null && result.GetValue(_dockerUri) is null)
        {
            result.AddError("--docker-dir needs --docker-uri, the name that the built image gets.");
        }

        if (result.GetValue(_reference) is not null && result.GetValue(_container) is null)
        {
            result.AddError("--reference chooses from a --container-image.");
        }

        if (program.Length == 0 && (sources == 0 || result.GetValue(_archive) is not null))
        {
            result.AddError("Name the program to start after --.");
        }
    }

    /// <summary>What the options say.</summary>
    public RootFileSystemRequest Read(ParseResult parsed) => new()
    {
        PublishFolder = parsed.GetValue(_publish),
        ContainerImage = parsed.GetValue(_container),
        Reference = parsed.GetValue(_reference),
        Archive = parsed.GetValue(_archive),
        DockerUri = parsed.GetValue(_dockerUri),
        DockerFolder = parsed.GetValue(_dockerFolder),
        Directories = parsed.GetValue(_directories) ?? [],
        RuntimeLibraries = parsed.GetValue(_runtimeLibraries),
    };

    string[] Directories(CommandResult result) => result.GetValue(_directories) ?? [];
}
