using System.Security.Cryptography;

namespace NitroEnclaves.Images;

/// <summary>A container image read without a daemon: its files put together from the layers, and how it is run.</summary>
/// <remarks>
/// Everything is checked against the digests by which the image names it. Layers lie unpacked in temporary files while this object
/// lives; contents are never held in memory.
/// </remarks>
public sealed class ContainerImage : IDisposable
{
    const int MaxLayers = 500;

    readonly ContainerFiles _files;

    ContainerImage(ContainerFiles files, ContainerImageConfiguration configuration, RootFileSystem rootFileSystem)
    {
        _files = files;
        Configuration = configuration;
        RootFileSystem = rootFileSystem;
    }

    /// <summary>How the image is run.</summary>
    public ContainerImageConfiguration Configuration { get; }

    /// <summary>The image's files. They end with this object.</summary>
    public RootFileSystem RootFileSystem { get; }

    /// <summary>
    /// Reads an image: an OCI layout as a folder or a tar archive, or what <c>docker save</c> or <c>podman save</c> wrote (plain, gzip,
    /// zstd or xz).
    /// </summary>
    /// <param name="path">The folder or the archive.</param>
    /// <param name="architecture">The architecture to take where there are several.</param>
    /// <param name="reference">
    /// The name to take where there are several ("app:1", or an OCI reference annotation); null where one is there.
    /// </param>
    /// <param name="cancellationToken">Ends the reading early.</param>
    /// <exception cref="RootFileSystemException">There is no such image, or it is malformed.</exception>
    /// <exception cref="IOException">It cannot be read.</exception>
    public static ContainerImage Open(
        string path, EifArchitecture architecture = EifArchitecture.X64, string? reference = null,
        CancellationToken cancellationToken = default)
    {
        var files = new ContainerFiles(Directory.Exists(path) ? RootFileSystem.FromFolder(path)
            : RootFileSystem.FromTar(path, cancellationToken));
        var root = new RootFileSystem();
        try
        {
            string goArchitecture = architecture == EifArchitecture.Arm64 ? "arm64" : "amd64";
            var source = FindImage(files, path, goArchitecture, reference, cancellationToken);
            var configuration = ReadConfiguration(files, source, cancellationToken);
            AddLayers(root, files, source, configuration, cancellationToken);
            return new ContainerImage(files, configuration, root);
        }
        catch
        {
            root.Dispose();
            files.Dispose();
            throw;
        }
    }

    /// <summary>Closes the image's files and removes the unpacked layers.</summary>
    public void Dispose()
    {
        RootFileSystem.Dispose();
        _files.Dispose();
    }

    static ContainerImageSource FindImage(ContainerFiles files, string path, string architecture, string? reference,
        CancellationToken cancellationToken)
    {
        // Docker writes both forms into one archive; its own one has the names that people use.
        if (files.Contains("manifest.json"))
        {
            return DockerArchive.Find(files, architecture, reference);
        }

        return files.Contains("index.json")
            ? OciLayout.Find(files, architecture, reference, cancellationToken)
            : throw new RootFileSystemException(RootFileSystemError.MalformedContainerImage,
                $"'{path}' is no container image: there is neither manifest.json nor index.json in it.");
    }

    static ContainerImageConfiguration ReadConfiguration(ContainerFiles files, ContainerImageSource source,
        CancellationToken cancellationToken)
    {
        byte[] json = files.Read(source.ConfigurationPath);
        if (source.ConfigurationDigest is not null)
        {
            ContainerFiles.CheckDigest(ByteSource.FromMemory(json), source.ConfigurationDigest, cancellationToken);
        }

        return ContainerImageConfiguration.Read(json, source.ConfigurationDigest
            ?? $"sha256:{Convert.ToHexStringLower(SHA256.HashData(json))}");
    }

    static void AddLayers(RootFileSystem root, ContainerFiles files, ContainerImageSource source,
        ContainerImageConfiguration configuration, CancellationToken cancellationToken)
    {
        if (source.Layers.Count > MaxLayers || source.Layers.Count != configuration.LayerDigests.Count)
        {
            throw ContainerJson.Malformed(
                $"it has {source.Layers.Count} layers, and its configuration names {configuration.LayerDigests.Count}");
        }

        for (int i = 0; i < source.Layers.Count; i++)
        {
            var (path, digest) = source.Layers[i];
            var packed = root.Own(files.Open(path));
            if (digest is not null)
            {
                ContainerFiles.CheckDigest(packed, digest, cancellationToken);
            }

            var layer = root.Own(ArchiveCompression.Unpack(packed, cancellationToken));
            if (configuration.LayerDigests[i] != digest)
            {
                ContainerFiles.CheckDigest(layer, configuration.LayerDigests[i], cancellationToken);
            }

            root.AddLayer(layer, cancellationToken);
        }
    }
}
