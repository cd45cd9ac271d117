using System.Text.Json;

namespace NitroEnclaves.Images;

/// <summary>
/// Finds an image in what <c>docker save</c> and <c>podman save</c> write: manifest.json beside configurations and layers.
/// </summary>
static class DockerArchive
{
    /// <summary>The image of this architecture and, where given, of this name.</summary>
    /// <exception cref="RootFileSystemException">There is none, or more than one.</exception>
    public static ContainerImageSource Find(ContainerFiles files, string architecture, string? reference)
    {
        using var document = ContainerJson.Parse(files.Read("manifest.json"), "manifest.json");
        if (document.RootElement.ValueKind != JsonValueKind.Array)
        {
            throw ContainerJson.Malformed("manifest.json is not an array");
        }

        var found = new List<ContainerImageSource>();
        foreach (var image in document.RootElement.EnumerateArray())
        {
            if (reference is not null && !ContainerJson.Texts(image, "RepoTags").Contains(reference))
            {
                continue;
            }

            string configuration = ContainerJson.Text(image, "Config");
            var source = new ContainerImageSource(
                configuration,
                DigestOf(configuration),
                [.. ContainerJson.Texts(image, "Layers").Select(layer => (layer, (string?)null))]);
            if (ContainerImageConfiguration.Read(files.Read(configuration), "").Architecture == architecture)
            {
                found.Add(source);
            }
        }

        string wanted = reference is null ? architecture : $"{architecture} with the name '{reference}'";
        return found switch
        {
            [var only] => only,
            [] => throw new RootFileSystemException(RootFileSystemError.NoSuchImage, $"There is no image for {wanted}."),
            _ => throw new RootFileSystemException(RootFileSystemError.NoSuchImage,
                $"There are {found.Count} images for {wanted}; name one."),
        };
    }

    /// <summary>A configuration is called by its digest: "HEX.json", or "blobs/sha256/HEX".</summary>
    static string? DigestOf(string path)
    {
        string name = path[(path.LastIndexOf('/') + 1)..];
        string hex = name.EndsWith(".json", StringComparison.Ordinal) ? name[..^5] : name;
        return ContainerFiles.IsHex(hex, 64) ? $"sha256:{hex}" : null;
    }
}
