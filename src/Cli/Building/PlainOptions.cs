using System.CommandLine;
using System.CommandLine.Parsing;

namespace NitroEnclaves.Cli.Building;

/// <summary>The options of <c>build-enclave</c> for images from ramdisks that are there already, under <c>eif_build</c>'s names.</summary>
sealed class PlainOptions
{
    readonly Option<string[]> _ramdisks = new("--ramdisk") { HelpName = "FILE", Description = "A ramdisk, as it is, with --kernel and --cmdline and nothing else: what eif_build does. May be repeated; PCR1 covers the first." };
    readonly Option<string?> _buildTime = new("--build-time") { HelpName = "TIME", Description = "With --ramdisk: the build time in the metadata (RFC 3339)." };
    readonly Option<string?> _buildTool = new("--build-tool") { HelpName = "NAME", Description = "With --ramdisk: the build tool in the metadata." };
    readonly Option<string?> _buildToolVersion = new("--build-tool-version") { HelpName = "VERSION", Description = "With --ramdisk: its version." };
    readonly Option<string?> _operatingSystem = new("--img-os") { HelpName = "NAME", Description = "With --ramdisk: the operating system in the metadata." };
    readonly Option<string?> _kernelVersion = new("--img-kernel") { HelpName = "VERSION", Description = "With --ramdisk: the kernel's version in the metadata." };

    /// <summary>Lets a command have the options.</summary>
    public void AddTo(Command command)
    {
        Option[] all = [_ramdisks, _buildTime, _buildTool, _buildToolVersion, _operatingSystem, _kernelVersion];
        foreach (var option in all)
        {
            command.Add(option);
        }
    }

    /// <summary>Whether ramdisks were given.</summary>
    public bool IsMeant(CommandResult result) => result.GetValue(_ramdisks) is { Length: > 0 };

    /// <summary>Adds an error for each rule that is broken.</summary>
    public static void Check(CommandResult result, bool sourcesGiven, string? kernel, string? commandLine, string[] program)
    {
        if (sourcesGiven || program.Length > 0)
        {
            result.AddError("--ramdisk takes the ramdisks as they are: files and a program to start have no place beside it.");
        }

        if (kernel is null || commandLine is null)
        {
            result.AddError("--ramdisk needs --kernel and --cmdline.");
        }
    }

    /// <summary>What these options and the three that every such image needs say.</summary>
    public PlainImageRequest Read(ParseResult parsed, string kernel, string commandLine, string outputFile) => new()
    {
        Kernel = kernel,
        CommandLine = commandLine,
        OutputFile = outputFile,
        Ramdisks = parsed.GetValue(_ramdisks)!,
        BuildTime = parsed.GetValue(_buildTime),
        BuildTool = parsed.GetValue(_buildTool),
        BuildToolVersion = parsed.GetValue(_buildToolVersion),
        OperatingSystem = parsed.GetValue(_operatingSystem),
        KernelVersion = parsed.GetValue(_kernelVersion),
    };
}
