using System.Text.Json;
using NitroEnclaves.Images;

namespace NitroEnclaves.Cli.Building;

/// <summary>What <c>dotnet publish</c> left in a folder: one program for Linux, and what it needs beside itself.</summary>
/// <param name="Name">The program's file name.</param>
/// <param name="NeedsRuntimeLibraries">Whether it is linked to the C runtime of glibc, which the image must bring.</param>
sealed record PublishedProgram(string Name, bool NeedsRuntimeLibraries)
{
    const string RuntimeConfiguration = ".runtimeconfig.json";

    /// <summary>Where a published program lies in an image.</summary>
    public const string ImageFolder = "/app";

    /// <summary>Looks at a folder.</summary>
    /// <param name="folder">The output of <c>dotnet publish</c>.</param>
    /// <param name="architecture">The image's processor architecture.</param>
    /// <exception cref="CommandFailure">There is no program that could run in an enclave; the message says what to do.</exception>
    public static PublishedProgram Find(string folder, EifArchitecture architecture)
    {
        if (!Directory.Exists(folder))
        {
            throw new CommandFailure(48, $"The folder {folder} of --publish does not exist.");
        }

        var name = FindName(folder);
        var path = Path.Combine(folder, name);
        var runtime = architecture == EifArchitecture.Arm64 ? "linux-arm64" : "linux-x64";
        if (!File.Exists(path) || ElfExecutable.Read(path) is not { } program)
        {
            throw new CommandFailure(48, $"There is no Linux program {name} in {folder}: publish with --runtime {runtime} --self-contained.");
        }

        if (program.Architecture != architecture)
        {
            throw new CommandFailure(48, $"{path} is for another processor than the image ({ArchitectureNames.Of(architecture)}): publish with --runtime {runtime}, or choose with --arch.");
        }

        return program.Interpreter switch
        {
            null => new PublishedProgram(name, false),
            { } loader when loader.Contains("musl", StringComparison.Ordinal) => throw new CommandFailure(48,
                $"{path} is linked to musl ({loader}), which is not at hand: publish with --runtime {runtime}, or give a root file system that has it and name the program after --."),
            _ => new PublishedProgram(name, true),
        };
    }

    static string FindName(string folder)
    {
        string[] configurations = Directory.GetFiles(folder, "*" + RuntimeConfiguration);
        if (configurations is [var configuration])
        {
            var name = Path.GetFileName(configuration)[..^RuntimeConfiguration.Length];
            return IsSelfContained(configuration)
                ? name
                : throw new CommandFailure(48, $"{name} in {folder} needs an installed .NET runtime, which an enclave does not have: publish with --self-contained.");
        }

        // Single files and native programs have no configuration: then the only program there is it.
        string[] programs = [.. Directory.GetFiles(folder).Where(IsProgram).Select(file => Path.GetFileName(file)!)];
        return (configurations.Length, programs) switch
        {
            (0, [var only]) => only,
            (0, []) => throw new CommandFailure(48, $"There is no published program in {folder}."),
            _ => throw new CommandFailure(48, $"There is more than one program in {folder}: give it as --directory {folder}:{ImageFolder}, and name the program after --."),
        };
    }

    static bool IsProgram(string path) =>
        Path.GetExtension(path) is not (".so" or ".dbg" or ".debug" or ".dll") && Path.GetFileName(path) != "createdump" && ElfExecutable.Read(path) is not null;

    static bool IsSelfContained(string configuration)
    {
        try
        {
            using var json = JsonDocument.Parse(File.ReadAllBytes(configuration));
            return json.RootElement.GetProperty("runtimeOptions").TryGetProperty("includedFrameworks", out _);
        }
        catch (Exception exception) when (exception is JsonException or KeyNotFoundException or InvalidOperationException)
        {
            throw new CommandFailure(48, $"{configuration} is no runtime configuration: {exception.Message}");
        }
    }
}
