using System.Globalization;
using System.Security.Cryptography;
using System.Text.Json;
using NitroEnclaves.Cli.Building;
using NitroEnclaves.Cli.Signing;
using NitroEnclaves.Images;

namespace NitroEnclaves.Cli;

/// <summary>What an image is built from, as the command line names it.</summary>
sealed record ImageRequest
{
    /// <summary>Where the files of the root file system come from.</summary>
    public required RootFileSystemRequest Files { get; init; }

    /// <summary>What to start.</summary>
    public ProgramRequest Program { get; init; } = new();

    public required string OutputFile { get; init; }

    public EifArchitecture Architecture { get; init; }

    public RamdiskProfile Profile { get; init; }

    public string? Name { get; init; }

    public string? Version { get; init; }

    public string? MetadataFile { get; init; }

    /// <summary>A kernel's file or name (<see cref="EnclaveKernel.Find"/>); null for the enclave kernel.</summary>
    public string? Kernel { get; init; }

    public string? Modules { get; init; }

    public string? NsmModule { get; init; }

    public string? CommandLine { get; init; }

    public string? Init { get; init; }

    /// <summary>The certificate and the key to sign with; both or none.</summary>
    public string? SigningCertificate { get; init; }

    /// <summary>A file, or the ARN of a KMS key.</summary>
    public string? PrivateKey { get; init; }

    /// <summary>Builds the image.</summary>
    /// <exception cref="CommandFailure">A part is missing or cannot be read.</exception>
    public async Task<BuiltImage> BuildAsync(CancellationToken cancellationToken)
    {
        // First what costs nothing: a key that does not fit is known before a container image is fetched.
        using var signer = SigningCertificate is null ? null : SigningKey.Open(SigningCertificate, PrivateKey!);
        var kernel = EnclaveKernel.Find(Kernel, Architecture);
        var init = EnclaveParts.FindInit(Init, Architecture);
        var metadata = ReadMetadata(MetadataFile);
        using var parts = await RootFileSystemParts.OpenAsync(Files, Architecture, cancellationToken);
        var program = Program.Resolve(parts, Profile);
        var (kernelVersion, hash) = (kernel.Version, HashFile(kernel.Path));
        var builder = new EnclaveImageBuilder
        {
            Architecture = Architecture,
            Profile = Profile,
            Kernel = EifSectionContent.FromFile(kernel.Path),
            KernelVersion = kernelVersion.Split(' ')[0],
            CommandLine = CommandLine ?? (Profile == RamdiskProfile.NitroCli ? EnclaveParts.FindCommandLine() : null) ?? EnclaveImageBuilder.DefaultCommandLine,
            Init = FileContent.FromFile(init),
            Modules = Profile == RamdiskProfile.NitroCli ? [] : EnclaveParts.FindModules(Modules, kernel.Path),
            NsmModule = EnclaveParts.FindNsmModule(NsmModule, Profile) is { } module ? FileContent.FromFile(module) : null,
            RootFileSystem = parts.Root,
            ExportPath = Profile == RamdiskProfile.NitroCli ? parts.ExportPath : null,
            Program = program,
            Name = Name ?? Path.GetFileNameWithoutExtension(OutputFile),
            Version = Version ?? "1.0",
            CustomMetadata = metadata,
            DockerInfo = Profile == RamdiskProfile.NitroCli ? parts.DockerInfo : null,
            SourceDate = SourceDate(),
            Signer = signer,
        };
        using var progress = TerminalProgress.OnStandardError("Writing the image");
        return new BuiltImage(builder.Build(OutputFile, progress, cancellationToken), kernelVersion, hash, kernel.Note);
    }

    /// <summary>The JSON that goes into an image's metadata; null for none.</summary>
    /// <exception cref="CommandFailure">The file is not JSON.</exception>
    public static JsonElement? ReadMetadata(string? path)
    {
        if (path is null)
        {
            return null;
        }

        try
        {
            return JsonDocument.Parse(File.ReadAllBytes(path)).RootElement;
        }
        catch (JsonException exception)
        {
            throw new CommandFailure(17, $"The metadata file {path} is not JSON: {exception.Message}");
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
/// <param name="KernelNote">Why it is not the kernel that images should have; null where it is.</param>
sealed record BuiltImage(EifMeasurements Measurements, string KernelVersion, string KernelSha256, string? KernelNote);
