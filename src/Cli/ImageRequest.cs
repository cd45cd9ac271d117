using System.Globalization;
using System.Security.Cryptography;
using System.Text.Json;
using NitroEnclaves.Images;

namespace NitroEnclaves.Cli;

/// <summary>What an image is built from, as the command line names it.</summary>
sealed record ImageRequest
{
    /// <summary>Folders of the root file system, each as <c>DIR</c> or <c>DIR:PATH</c>.</summary>
    public required IReadOnlyList<string> Directories { get; init; }

    public bool RuntimeLibraries { get; init; }

    public required string OutputFile { get; init; }

    public required ProgramDescription Program { get; init; }

    public string? Name { get; init; }

    public string? Version { get; init; }

    public string? MetadataFile { get; init; }

    public string? Kernel { get; init; }

    public string? Modules { get; init; }

    public string? CommandLine { get; init; }

    public string? Init { get; init; }

    /// <summary>Builds the image.</summary>
    /// <exception cref="CommandFailure">A part is missing or cannot be read.</exception>
    public BuiltImage Build(CancellationToken cancellationToken)
    {
        var kernel = EnclaveParts.FindKernel(Kernel);
        using var root = new RootFileSystem();
        foreach (var (folder, path) in (IEnumerable<(string, string)>)[.. RuntimeLibraries ? [(EnclaveParts.FindRuntimeLibraries(), "")] : Array.Empty<(string, string)>(), .. Directories.Select(Split)])
        {
            root.AddFolder(path, folder);
        }

        var (kernelVersion, hash) = (KernelVersion(kernel), HashFile(kernel));
        var builder = new EnclaveImageBuilder
        {
            Kernel = EifSectionContent.FromFile(kernel),
            KernelVersion = kernelVersion.Split(' ')[0],
            CommandLine = CommandLine ?? EnclaveImageBuilder.DefaultCommandLine,
            Init = FileContent.FromFile(EnclaveParts.FindInit(Init)),
            Modules = EnclaveParts.FindModules(Modules, kernel),
            RootFileSystem = root,
            Program = Program,
            Name = Name ?? Path.GetFileNameWithoutExtension(OutputFile),
            Version = Version ?? "1.0",
            CustomMetadata = ReadMetadata(),
            SourceDate = SourceDate(),
        };
        return new BuiltImage(builder.Build(OutputFile, cancellationToken: cancellationToken), kernelVersion, hash);
    }

    static (string Folder, string Path) Split(string directory)
    {
        var colon = directory.LastIndexOf(':');
        var (folder, path) = colon > 0 ? (directory[..colon], directory[(colon + 1)..].Trim('/')) : (directory, "");
        return Directory.Exists(folder)
            ? (folder, path)
            : throw new CommandFailure(48, $"The folder {folder} of --directory {directory} does not exist.");
    }

    JsonElement? ReadMetadata()
    {
        if (MetadataFile is null)
        {
            return null;
        }

        try
        {
            return JsonDocument.Parse(File.ReadAllBytes(MetadataFile)).RootElement;
        }
        catch (JsonException exception)
        {
            throw new CommandFailure(17, $"The metadata file {MetadataFile} is not JSON: {exception.Message}");
        }
    }

    // SOURCE_DATE_EPOCH is the convention of reproducible builds: seconds since 1970 that stand for every time of a build.
    static DateTimeOffset SourceDate()
    {
        var text = Environment.GetEnvironmentVariable("SOURCE_DATE_EPOCH");
        if (string.IsNullOrEmpty(text))
        {
            return EnclaveImageBuilder.DefaultSourceDate;
        }

        return long.TryParse(text, NumberStyles.None, CultureInfo.InvariantCulture, out var seconds) && seconds <= uint.MaxValue
            ? DateTimeOffset.FromUnixTimeSeconds(seconds)
            : throw new CommandFailure(3, $"SOURCE_DATE_EPOCH is '{text}'; it must be seconds since 1970, up to {uint.MaxValue}.");
    }

    static string KernelVersion(string kernel)
    {
        var file = Path.Combine(Path.GetDirectoryName(Path.GetFullPath(kernel))!, "version");
        return File.Exists(file) ? File.ReadAllText(file).Trim() : "unknown";
    }

    static string HashFile(string path)
    {
        using var stream = File.OpenRead(path);
        return Convert.ToHexStringLower(SHA256.HashData(stream));
    }
}

/// <summary>What came of it.</summary>
/// <param name="Measurements">PCR0, 1 and 2.</param>
/// <param name="KernelVersion">The kernel's exact version, on which PCR0 depends.</param>
/// <param name="KernelSha256">The SHA-256 of the kernel's file.</param>
sealed record BuiltImage(EifMeasurements Measurements, string KernelVersion, string KernelSha256);
