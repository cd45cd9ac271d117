using NitroEnclaves.Images;

namespace NitroEnclaves.Enclaves;

/// <summary>The files of an enclave's root and what is started in it, from the image's ramdisks or from a folder.</summary>
sealed class EnclaveFiles : IDisposable
{
    readonly RootFileSystem? _ramdisks;

    EnclaveFiles(RootFileSystem? ramdisks, RootFileSystem root, EnclaveProgram program) => (_ramdisks, Root, Program) = (ramdisks, root, program);

    /// <summary>The files of the root. Contents are where they were, and are read when they are written elsewhere.</summary>
    public RootFileSystem Root { get; }

    /// <summary>What is started.</summary>
    public EnclaveProgram Program { get; }

    /// <summary>Reads what a launch is made from.</summary>
    /// <exception cref="EnclaveException">
    /// The image or the folder is no root file system (<see cref="EnclaveFailure.InvalidImage"/>), cannot be read
    /// (<see cref="EnclaveFailure.FileOperation"/>), or does not say what to run (<see cref="EnclaveFailure.BootFailure"/>).
    /// </exception>
    public static EnclaveFiles Read(EnclaveLaunch launch, CancellationToken cancellationToken) =>
        launch.Folder is { } folder ? OfFolder(folder) : OfImage(launch.RequireImage(), cancellationToken);

    /// <inheritdoc/>
    public void Dispose()
    {
        Root.Dispose();
        _ramdisks?.Dispose();
    }

    static EnclaveFiles OfImage(EifFile image, CancellationToken cancellationToken)
    {
        if (image.Architecture != EifArchitecture.X64)
        {
            throw new EnclaveException(EnclaveFailure.InvalidImage, $"The image is for {image.Architecture}; the process engine runs it on such a machine only.");
        }

        RootFileSystem? ramdisks = null, root = null;
        try
        {
            ramdisks = image.ReadRamdisks(cancellationToken);
            root = ramdisks.Subtree("rootfs");
            return root.Count > 0
                ? new EnclaveFiles(ramdisks, root, EnclaveProgram.Read(ramdisks, root))
                : throw new EnclaveException(EnclaveFailure.InvalidImage, "The image has no folder rootfs in its ramdisks; the process engine runs what it finds there.");
        }
        catch (Exception exception)
        {
            root?.Dispose();
            ramdisks?.Dispose();
            if (exception is RootFileSystemException)
            {
                throw new EnclaveException(EnclaveFailure.InvalidImage, $"A ramdisk of the image cannot be read: {exception.Message}", exception);
            }

            throw;
        }
    }

    static EnclaveFiles OfFolder(RootFolder folder)
    {
        RootFileSystem? root = null;
        try
        {
            root = RootFileSystem.FromFolder(folder.Path);
            if (folder.Program.WorkingDirectory is { } work && root.Find(work) is null)
            {
                // As in an image, and in container engines.
                root.Set(work, FileNode.Directory());
            }

            return new EnclaveFiles(null, root, EnclaveProgram.Read(folder.Program, root));
        }
        catch (Exception exception)
        {
            root?.Dispose();
            if (exception is RootFileSystemException)
            {
                throw new EnclaveException(EnclaveFailure.InvalidImage, $"{folder.Path} is no root file system: {exception.Message}", exception);
            }

            if (exception is IOException or UnauthorizedAccessException)
            {
                throw new EnclaveException(EnclaveFailure.FileOperation, $"The root file system in {folder.Path} cannot be read: {exception.Message}", exception);
            }

            throw;
        }
    }
}
