using System.Text.Json;
using NitroEnclaves.Images;

namespace NitroEnclaves.Cli.Building;

/// <summary>The files of an image, and what their source says about how they are run. Temporary files go with it.</summary>
sealed class RootFileSystemParts : IDisposable
{
    readonly List<IDisposable> _owned = [];

    RootFileSystemParts(RootFileSystem root) => Root = root;

    /// <summary>The files.</summary>
    public RootFileSystem Root { get; }

    /// <summary>How the container image is run; null where the files come from elsewhere.</summary>
    public ContainerImageConfiguration? Configuration { get; private init; }

    /// <summary>The program that was published; null where the files come from elsewhere.</summary>
    public string? PublishedProgram { get; private init; }

    /// <summary>The archive that is all of the files, for nitro-cli's layout, which depends on its order; else null.</summary>
    public string? ExportPath { get; private init; }

    /// <summary>What a container engine says of the image; null where none was asked.</summary>
    public JsonElement? DockerInfo { get; private init; }

    /// <summary>Opens everything that a request names, later things over earlier ones.</summary>
    /// <exception cref="CommandFailure">A source is missing.</exception>
    /// <exception cref="RootFileSystemException">A source is malformed.</exception>
    public static async Task<RootFileSystemParts> OpenAsync(RootFileSystemRequest request, EifArchitecture architecture, CancellationToken cancellationToken)
    {
        var parts = await OpenBaseAsync(request, architecture, cancellationToken);
        try
        {
            if (request.RuntimeLibraries && request.PublishFolder is null)
            {
                AddRuntimeLibraries(parts.Root, architecture);
            }

            foreach (var directory in request.Directories)
            {
                var (folder, path) = Split(directory);
                parts.Root.AddFolder(path, folder);
            }

            return parts;
        }
        catch
        {
            parts.Dispose();
            throw;
        }
    }

    /// <inheritdoc/>
    public void Dispose()
    {
        foreach (var owned in Enumerable.Reverse(_owned))
        {
            owned.Dispose();
        }
    }

    static async Task<RootFileSystemParts> OpenBaseAsync(RootFileSystemRequest request, EifArchitecture architecture, CancellationToken cancellationToken) => request switch
    {
        { DockerUri: { } uri } => await OpenNamedImageAsync(uri, request.DockerFolder, architecture, cancellationToken),
        { ContainerImage: { } image } => OpenImage(RequireExisting(image, "--container-image"), request.Reference, architecture, null, null, cancellationToken),
        { Archive: { } archive } => OpenArchive(RequireExisting(archive, "--rootfs-tar"), alone: request is { Directories.Count: 0, RuntimeLibraries: false }, cancellationToken),
        { PublishFolder: { } folder } => OpenPublished(folder, request.RuntimeLibraries, architecture),
        _ => Owning(new RootFileSystem()),
    };

    static async Task<RootFileSystemParts> OpenNamedImageAsync(string uri, string? folder, EifArchitecture architecture, CancellationToken cancellationToken)
    {
        var found = await NamedContainerImage.FindAsync(uri, folder, architecture, cancellationToken);
        try
        {
            return OpenImage(found.Path, null, architecture, found.Inspection, found, cancellationToken);
        }
        catch
        {
            found.Dispose();
            throw;
        }
    }

    static RootFileSystemParts OpenImage(
        string path, string? reference, EifArchitecture architecture, JsonElement? inspection, IDisposable? source, CancellationToken cancellationToken)
    {
        var image = ContainerImage.Open(path, architecture, reference, cancellationToken);
        var parts = new RootFileSystemParts(image.RootFileSystem) { Configuration = image.Configuration, DockerInfo = inspection };
        if (source is not null)
        {
            parts._owned.Add(source);
        }

        parts._owned.Add(image);
        return parts;
    }

    static RootFileSystemParts OpenArchive(string path, bool alone, CancellationToken cancellationToken)
    {
        var root = RootFileSystem.FromTar(path, cancellationToken);
        var parts = new RootFileSystemParts(root) { ExportPath = alone ? path : null };
        parts._owned.Add(root);
        return parts;
    }

    static RootFileSystemParts OpenPublished(string folder, bool runtimeLibraries, EifArchitecture architecture)
    {
        var program = Building.PublishedProgram.Find(folder, architecture);
        var root = new RootFileSystem();
        if (runtimeLibraries || program.NeedsRuntimeLibraries)
        {
            AddRuntimeLibraries(root, architecture);
        }

        root.AddFolder(Building.PublishedProgram.ImageFolder, folder);
        var parts = new RootFileSystemParts(root) { PublishedProgram = $"{Building.PublishedProgram.ImageFolder}/{program.Name}" };
        parts._owned.Add(root);
        return parts;
    }

    // Programs ask for their user's home; .NET builds no chain of certificates, and so no TLS, for a user without one.
    static void AddRuntimeLibraries(RootFileSystem root, EifArchitecture architecture)
    {
        root.AddFolder("", EnclaveParts.FindRuntimeLibraries(architecture));
        if (root.Find("etc/passwd") is null)
        {
            root.Set("etc/passwd", Text("root:x:0:0:root:/:/sbin/nologin\n"u8));
            root.Set("etc/group", Text("root:x:0:\n"u8));
        }

        static FileNode Text(ReadOnlySpan<byte> content) => FileNode.RegularFile(FileContent.FromMemory(content.ToArray()), (UnixFileMode)0x1A4); // 0644
    }

    static RootFileSystemParts Owning(RootFileSystem root)
    {
        var parts = new RootFileSystemParts(root);
        parts._owned.Add(root);
        return parts;
    }

    static string RequireExisting(string path, string option) =>
        Path.Exists(path) ? path : throw new CommandFailure(48, $"{path} of {option} does not exist.");

    static (string Folder, string Path) Split(string directory)
    {
        var colon = directory.LastIndexOf(':');
        var (folder, path) = colon > 0 ? (directory[..colon], directory[(colon + 1)..].Trim('/')) : (directory, "");
        return Directory.Exists(folder)
            ? (folder, path)
            : throw new CommandFailure(48, $"The folder {folder} of --directory {directory} does not exist.");
    }
}
