using System.Reflection;
using System.Text.Json;

namespace NitroEnclaves.Images;

/// <summary>Makes an enclave image from a kernel, an init, a root file system and what shall run in it.</summary>
/// <remarks>
/// The image starts with nitro-init and, given AWS's init and its nsm.ko, by AWS's rules as well. Without a
/// <see cref="BuildTime"/> the same inputs give the same bytes on any machine. Contents are streamed: the memory used does not
/// depend on the image's size.
/// </remarks>
public sealed class EnclaveImageBuilder
{
    /// <summary>The command line of images that are meant for our kernel and for Debian's.</summary>
    public const string DefaultCommandLine = "reboot=k panic=30 console=ttyS0 random.trust_cpu=off random.trust_bootloader=off";

    /// <summary>The modification time of all files where no other is asked for: 2017-04-18T16:30:00Z, as in nitro-cli's images.</summary>
    public static DateTimeOffset DefaultSourceDate => ReproducibleArchive.DefaultTime;

    /// <summary>The processor architecture of kernel and programs.</summary>
    public EifArchitecture Architecture { get; init; }

    /// <summary>The kernel: a bzImage (x86-64) or an Image (aarch64).</summary>
    public required EifSectionContent Kernel { get; init; }

    /// <summary>The kernel's version for the metadata, for example "6.12.95".</summary>
    public required string KernelVersion { get; init; }

    /// <summary>The kernel's measured command line.</summary>
    public string CommandLine { get; init; } = DefaultCommandLine;

    /// <summary>The program that the kernel starts as /init.</summary>
    public required FileContent Init { get; init; }

    /// <summary>Kernel modules with their file names, in load order.</summary>
    public IReadOnlyList<(string Name, FileContent Content)> Modules { get; init; } = [];

    /// <summary>The NSM's module for AWS's init (/nsm.ko); null where the kernel has it, or loads it from <see cref="Modules"/>.</summary>
    public FileContent? NsmModule { get; init; }

    /// <summary>The files of the enclave's root.</summary>
    public required RootFileSystem RootFileSystem { get; init; }

    /// <summary>
    /// For nitro-cli's layout, whose bytes depend on the order of the files: what <c>docker export</c> wrote, an uncompressed tar
    /// archive, to take in place of <see cref="RootFileSystem"/>. Null for the root file system in the order of its names.
    /// </summary>
    public string? ExportPath { get; init; }

    /// <summary>What init shall start.</summary>
    public required ProgramDescription Program { get; init; }

    /// <summary>
    /// How the ramdisks are laid out. nitro-cli's way has a place neither for <see cref="Modules"/> nor for a working directory or a
    /// user, and keeps the files' own modification times.
    /// </summary>
    public RamdiskProfile Profile { get; init; }

    /// <summary>The image's name.</summary>
    public required string Name { get; init; }

    /// <summary>The image's version.</summary>
    public string Version { get; init; } = "1.0";

    /// <summary>Whatever shall stand in the metadata beside the rest, a JSON object; null for nothing.</summary>
    public JsonElement? CustomMetadata { get; init; }

    /// <summary>What Docker says of the source image, for the metadata; null for nothing.</summary>
    public JsonElement? DockerInfo { get; init; }

    /// <summary>
    /// The modification time of all files: SOURCE_DATE_EPOCH where the caller has one, else <see cref="DefaultSourceDate"/>.
    /// </summary>
    public DateTimeOffset SourceDate { get; init; } = DefaultSourceDate;

    /// <summary>The build time for the metadata, which is not measured; null for <see cref="SourceDate"/>.</summary>
    public DateTimeOffset? BuildTime { get; init; }

    /// <summary>The program that builds, for the metadata.</summary>
    public string BuildTool { get; init; } = "nitro";

    /// <summary>That program's version, for the metadata.</summary>
    public string BuildToolVersion { get; init; } =
        typeof(EnclaveImageBuilder).Assembly.GetCustomAttribute<AssemblyInformationalVersionAttribute>()?.InformationalVersion ?? "0";

    /// <summary>Signs the image; null to leave it unsigned.</summary>
    public EifSigner? Signer { get; init; }

    /// <summary>Writes the image to a file, which appears whole or not at all, and returns its measurements.</summary>
    /// <inheritdoc cref="EifBuilder.Build"/>
    /// <exception cref="RootFileSystemException">The root file system cannot become a ramdisk.</exception>
    public EifMeasurements Build(string path, IProgress<long>? progress = null, CancellationToken cancellationToken = default) =>
        ToEifBuilder().Build(path, progress, cancellationToken);

    /// <summary>Writes the image to a stream, and returns its measurements.</summary>
    /// <inheritdoc cref="EifBuilder.Write"/>
    /// <exception cref="RootFileSystemException">The root file system cannot become a ramdisk.</exception>
    public EifMeasurements Write(Stream output, IProgress<long>? progress = null, CancellationToken cancellationToken = default) =>
        ToEifBuilder().Write(output, progress, cancellationToken);

    EifBuilder ToEifBuilder() => new()
    {
        Architecture = Architecture,
        Kernel = Kernel,
        CommandLine = CommandLine,
        Signer = Signer,
        Ramdisks = Profile == RamdiskProfile.NitroCli ? NitroCliRamdisks() : ReproducibleRamdisks(),
        Metadata = new EifMetadata
        {
            ImageName = Name,
            ImageVersion = Version,
            BuildTime = EifMetadata.FormatBuildTime(BuildTime ?? SourceDate),
            BuildTool = BuildTool,
            BuildToolVersion = BuildToolVersion,
            OperatingSystem = "Linux",
            KernelVersion = KernelVersion,
            DockerInfo = DockerInfo,
            CustomMetadata = CustomMetadata,
        },
    };

    EifSectionContent[] ReproducibleRamdisks() =>
    [
        ExportPath is not null
            ? throw new ArgumentException("An export's order matters in nitro-cli's layout only; give the archive as the root file system.")
            : new InitRamdisk { Init = Init, Modules = Modules, NsmModule = NsmModule, ModificationTime = SourceDate },
        new ApplicationRamdisk { RootFileSystem = RootFileSystem, Program = Program, ModificationTime = SourceDate },
    ];

    EifSectionContent[] NitroCliRamdisks() => Modules.Count > 0
        ? throw new ArgumentException("nitro-cli's layout has no place for modules but nsm.ko.")
        :
        [
            new NitroCliBootstrapRamdisk { Init = Init, NsmModule = NsmModule },
            new NitroCliApplicationRamdisk { RootFileSystem = ExportPath is null ? RootFileSystem : null, ExportPath = ExportPath, Program = Program },
        ];
}
