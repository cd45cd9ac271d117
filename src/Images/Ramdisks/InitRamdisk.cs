using System.Globalization;

namespace NitroEnclaves.Images;

/// <summary>
/// The first ramdisk of an image: <c>init</c>, an empty <c>dev</c>, the kernel's modules in <c>modules/NN-name.ko</c> in the order
/// in which nitro-init loads them, and <c>nsm.ko</c> where AWS's init looks for it. It is what PCR1 adds to kernel and command line.
/// </summary>
public sealed class InitRamdisk : EifSectionContent
{
    /// <summary>The most modules: their number has two digits.</summary>
    public const int MaxModules = 100;

    /// <summary>The program that the kernel starts as /init.</summary>
    public required FileContent Init { get; init; }

    /// <summary>Kernel modules with their file names ("vsock.ko"), in load order.</summary>
    public IReadOnlyList<(string Name, FileContent Content)> Modules { get; init; } = [];

    /// <summary>The NSM's module for AWS's init, which loads /nsm.ko and nothing else.</summary>
    public FileContent? NsmModule { get; init; }

    /// <summary>The modification time of all files.</summary>
    public DateTimeOffset ModificationTime { get; init; } = ReproducibleArchive.DefaultTime;

    /// <inheritdoc/>
    public override long ExpectedLength => Init.Length + Modules.Sum(module => module.Content.Length) + (NsmModule?.Length ?? 0);

    /// <inheritdoc/>
    /// <exception cref="ArgumentException">There are too many modules, or one's name does not end in ".ko".</exception>
    public override void WriteTo(Stream output, CancellationToken cancellationToken)
    {
        if (Modules.Count > MaxModules)
        {
            throw new ArgumentException($"{Modules.Count} modules; {MaxModules} are the most.");
        }

        var archive = new ReproducibleArchive(output, ModificationTime);
        archive.Add("dev", FileNode.Directory(), cancellationToken);
        archive.Add("init", FileNode.RegularFile(Init, FileModes.Executable), cancellationToken);
        if (Modules.Count > 0)
        {
            archive.Add("modules", FileNode.Directory(), cancellationToken);
        }

        for (int i = 0; i < Modules.Count; i++)
        {
            var (name, content) = Modules[i];
            if (!name.EndsWith(".ko", StringComparison.Ordinal) || name.Contains('/', StringComparison.Ordinal))
            {
                throw new ArgumentException($"'{name}' is not the file name of an uncompressed kernel module (.ko).");
            }

            archive.Add(string.Create(CultureInfo.InvariantCulture, $"modules/{i:00}-{name}"), FileNode.RegularFile(content),
                cancellationToken);
        }

        if (NsmModule is not null)
        {
            archive.Add("nsm.ko", FileNode.RegularFile(NsmModule, FileModes.Executable), cancellationToken);
        }

        archive.Finish();
    }
}
