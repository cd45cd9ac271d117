namespace NitroEnclaves.Images;

/// <summary>
/// The second ramdisk of an image: the root file system below <c>rootfs</c>, and beside it what init shall start. It is what PCR2
/// measures.
/// </summary>
public sealed class ApplicationRamdisk : EifSectionContent
{
    static readonly (string Path, UnixFileMode Mode)[] s_mountPoints =
    [
        ("dev", FileModes.Executable),
        ("proc", FileModes.Executable),
        ("run", FileModes.Executable),
        ("sys", FileModes.Executable),
        ("tmp", FileModes.Temporary),
    ];

    /// <summary>The files of the enclave's root. Mount points that init needs (dev, proc, run, sys, tmp) are added if missing.</summary>
    public required RootFileSystem RootFileSystem { get; init; }

    /// <summary>What init shall start.</summary>
    public required ProgramDescription Program { get; init; }

    /// <summary>The modification time of all files.</summary>
    public DateTimeOffset ModificationTime { get; init; } = ReproducibleArchive.DefaultTime;

    /// <inheritdoc/>
    public override long ExpectedLength => RootFileSystem.ContentLength;

    /// <inheritdoc/>
    /// <exception cref="ArgumentException">The program cannot be written down.</exception>
    /// <exception cref="RootFileSystemException">There are too many files.</exception>
    public override void WriteTo(Stream output, CancellationToken cancellationToken)
    {
        byte[] command = Program.EncodeCommand();
        byte[] environment = Program.EncodeEnvironment();
        byte[]? user = Program.EncodeUser();
        byte[]? workingDirectory = Program.EncodeWorkingDirectory();
        foreach (var (path, mode) in s_mountPoints)
        {
            if (RootFileSystem.Find(path) is null)
            {
                RootFileSystem.Set(path, FileNode.Directory(mode));
            }
        }

        // A WORKDIR that no layer has comes to be, as container engines have it.
        if (Program.WorkingDirectory is { } folder && RootFileSystem.Find(folder) is null)
        {
            RootFileSystem.Set(folder, FileNode.Directory());
        }

        var archive = new ReproducibleArchive(output, ModificationTime);
        Add("cmd", command);
        Add("env", environment);
        archive.Add("rootfs", RootFileSystem.Find("")!, cancellationToken);
        archive.AddTree("rootfs/", RootFileSystem, cancellationToken);
        Add("user", user);
        Add("workdir", workingDirectory);
        archive.Finish();

        void Add(string path, byte[]? data)
        {
            if (data is not null)
            {
                archive.Add(path, FileNode.RegularFile(FileContent.FromMemory(data)), cancellationToken);
            }
        }
    }
}
