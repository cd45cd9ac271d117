using NitroEnclaves.Cli.Signing;
using NitroEnclaves.Images;

namespace NitroEnclaves.Cli.Building;

/// <summary>An image from a kernel and ramdisks that are files already, as <c>eif_build</c> makes it: nothing is added or changed.</summary>
sealed record PlainImageRequest
{
    public required string Kernel { get; init; }

    public required string CommandLine { get; init; }

    public required IReadOnlyList<string> Ramdisks { get; init; }

    public required string OutputFile { get; init; }

    public EifArchitecture Architecture { get; init; }

    public string? Name { get; init; }

    public string? Version { get; init; }

    public string? MetadataFile { get; init; }

    public string? BuildTime { get; init; }

    public string? BuildTool { get; init; }

    public string? BuildToolVersion { get; init; }

    public string? OperatingSystem { get; init; }

    public string? KernelVersion { get; init; }

    public string? SigningCertificate { get; init; }

    public string? PrivateKey { get; init; }

    /// <summary>Builds the image.</summary>
    /// <exception cref="CommandFailure">A file is missing.</exception>
    public EifMeasurements Build(CancellationToken cancellationToken)
    {
        using var signer = SigningCertificate is null ? null : SigningKey.Open(SigningCertificate, PrivateKey!);
        var builder = new EifBuilder
        {
            Architecture = Architecture,
            Kernel = Content(Kernel, "kernel"),
            CommandLine = CommandLine,
            Ramdisks = [.. Ramdisks.Select(path => Content(path, "ramdisk"))],
            Signer = signer,
            Metadata = new EifMetadata
            {
                ImageName = Name ?? Path.GetFileName(Kernel),
                ImageVersion = Version ?? "1.0",
                BuildTime = BuildTime ?? EifMetadata.FormatBuildTime(EnclaveImageBuilder.DefaultSourceDate),
                BuildTool = BuildTool ?? "nitro",
                BuildToolVersion = BuildToolVersion ?? typeof(PlainImageRequest).Assembly.GetName().Version?.ToString(3) ?? "0",
                OperatingSystem = OperatingSystem ?? "Linux",
                KernelVersion = KernelVersion ?? ReadRelease() ?? "unknown",
                CustomMetadata = ImageRequest.ReadMetadata(MetadataFile),
            },
        };
        using var progress = TerminalProgress.OnStandardError("Writing the image");
        return builder.Build(OutputFile, progress, cancellationToken);
    }

    string? ReadRelease()
    {
        using var kernel = File.OpenRead(Kernel);
        return LinuxKernelImage.Read(kernel).Release;
    }

    static EifSectionContent Content(string path, string what) => File.Exists(path)
        ? EifSectionContent.FromFile(path)
        : throw new CommandFailure(48, $"The {what} {path} does not exist.");
}
