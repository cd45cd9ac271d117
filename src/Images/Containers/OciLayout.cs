using System.Text.Json;

namespace NitroEnclaves.Images;

/// <summary>Finds an image in an OCI image layout (index.json, then manifests and further indexes among the blobs).</summary>
static class OciLayout
{
    const int MaxDescriptors = 1000;
    const string ReferenceAnnotation = "org.opencontainers.image.ref.name";
    const string ImageNameAnnotation = "io.containerd.image.name";

    /// <summary>The image of this architecture and, where given, of this name.</summary>
    /// <exception cref="RootFileSystemException">There is none, or more than one.</exception>
    public static ContainerImageSource Find(ContainerFiles files, string architecture, string? reference,
        CancellationToken cancellationToken)
    {
        // Indexes may nest; each descriptor is looked at once.
        var left = new Queue<(string Path, string? Digest, bool Named)>([("index.json", null, reference is null)]);
        var found = new List<(string Digest, ContainerImageSource Source)>();
        for (int seen = 0; left.TryDequeue(out var next);)
        {
            byte[] json = files.Read(next.Path);
            if (next.Digest is not null)
            {
                ContainerFiles.CheckDigest(ByteSource.FromMemory(json), next.Digest, cancellationToken);
            }

            using var document = ContainerJson.Parse(json, next.Path);
            var root = document.RootElement;
            if (!ContainerJson.Has(root, "manifests"))
            {
                var source = ReadManifest(root);
                if (next.Named && HasArchitecture(files, source, architecture, cancellationToken)
                    && !found.Exists(image => image.Digest == next.Digest))
                {
                    found.Add((next.Digest!, source));
                }

                continue;
            }

            foreach (var descriptor in ContainerJson.Array(root, "manifests"))
            {
                if (++seen > MaxDescriptors)
                {
                    throw ContainerJson.Malformed($"it has more than {MaxDescriptors} manifests");
                }

                if (IsCandidate(descriptor, architecture))
                {
                    string digest = ContainerJson.Text(descriptor, "digest");
                    left.Enqueue((ContainerFiles.BlobPath(digest), digest, next.Named || IsNamed(descriptor, reference!)));
                }
            }
        }

        string wanted = reference is null ? architecture : $"{architecture} with the name '{reference}'";
        return found switch
        {
            [var only] => only.Source,
            [] => throw new RootFileSystemException(RootFileSystemError.NoSuchImage, $"There is no image for {wanted}."),
            _ => throw new RootFileSystemException(RootFileSystemError.NoSuchImage,
                $"There are {found.Count} images for {wanted}; name one."),
        };
    }

    static bool IsCandidate(JsonElement descriptor, string architecture)
    {
        // Attestations and signatures have the platform "unknown"; descriptors without a platform are judged by their configuration.
        string name = ContainerJson.Text(ContainerJson.Object(descriptor, "platform"), "architecture");
        return (name.Length == 0 || name == architecture) && ContainerJson.Text(descriptor, "artifactType").Length == 0;
    }

    static bool IsNamed(JsonElement descriptor, string reference)
    {
        var annotations = ContainerJson.Object(descriptor, "annotations");
        return ContainerJson.Text(annotations, ReferenceAnnotation) == reference
            || ContainerJson.Text(annotations, ImageNameAnnotation) == reference;
    }

    static bool HasArchitecture(ContainerFiles files, ContainerImageSource source, string architecture, CancellationToken cancellationToken)
    {
        // Artifacts that are no images have other configurations, or an empty one.
        byte[] json = files.Read(source.ConfigurationPath);
        ContainerFiles.CheckDigest(ByteSource.FromMemory(json), source.ConfigurationDigest!, cancellationToken);
        return ContainerImageConfiguration.Read(json, source.ConfigurationDigest!).Architecture == architecture;
    }

    static ContainerImageSource ReadManifest(JsonElement manifest)
    {
        string configuration = ContainerJson.Text(ContainerJson.Object(manifest, "config"), "digest");
        var layers = new List<(string Path, string? Digest)>();
        foreach (var layer in ContainerJson.Array(manifest, "layers"))
        {
            string digest = ContainerJson.Text(layer, "digest");
            layers.Add((ContainerFiles.BlobPath(digest), digest));
        }

        return new ContainerImageSource(ContainerFiles.BlobPath(configuration), configuration, layers);
    }
}
