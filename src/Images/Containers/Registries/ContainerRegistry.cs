using System.Security.Cryptography;

namespace NitroEnclaves.Images;

/// <summary>Fetches container images from their registries, without a daemon (OCI distribution specification).</summary>
/// <param name="client">Makes the requests. It should follow redirects, which registries use for blobs.</param>
/// <param name="credentials">Finds what opens a registry, by the registry's name; null for nothing.</param>
public sealed class ContainerRegistry(HttpClient client, Func<string, CancellationToken, Task<RegistryCredential?>> credentials)
{
    static readonly string[] s_manifestTypes =
    [
        "application/vnd.oci.image.index.v1+json",
        "application/vnd.oci.image.manifest.v1+json",
        "application/vnd.docker.distribution.manifest.list.v2+json",
        "application/vnd.docker.distribution.manifest.v2+json",
    ];

    /// <summary>
    /// Fetches an image as an OCI layout, which <see cref="ContainerImage.Open"/> reads, and checks against its digests.
    /// </summary>
    /// <param name="name">The image.</param>
    /// <param name="architecture">The architecture to take where there are several.</param>
    /// <param name="folder">Where to; an empty folder.</param>
    /// <param name="progress">Told the bytes fetched so far.</param>
    /// <param name="cancellationToken">Ends the fetching early.</param>
    /// <exception cref="ContainerRegistryException">The registry does not give the image.</exception>
    /// <exception cref="RootFileSystemException">The image's JSON is malformed.</exception>
    /// <exception cref="IOException">The folder cannot be written.</exception>
    public async Task FetchAsync(
        ContainerImageName name, EifArchitecture architecture, string folder, IProgress<long>? progress = null,
        CancellationToken cancellationToken = default)
    {
        ArgumentNullException.ThrowIfNull(name);
        var session = new RegistrySession(client, name, await credentials(name.Registry, cancellationToken).ConfigureAwait(false));
        var (digest, manifest) = await FetchManifestAsync(session, name.Digest ?? name.Tag!, cancellationToken).ConfigureAwait(false);
        if (RegistryJson.IsIndex(manifest))
        {
            string goArchitecture = architecture == EifArchitecture.Arm64 ? "arm64" : "amd64";
            digest = RegistryJson.FindManifests(manifest, goArchitecture) is [var first, ..]
                ? first
                : throw new ContainerRegistryException(ContainerRegistryError.NotFound, $"{name} has no image for linux/{goArchitecture}.");
            (digest, manifest) = await FetchManifestAsync(session, digest, cancellationToken).ConfigureAwait(false);
        }

        WriteBlob(folder, digest, manifest);
        long total = manifest.Length;
        foreach (var (blob, size) in RegistryJson.ReadBlobs(manifest))
        {
            total = await FetchBlobAsync(session, folder, blob, size, total, progress, cancellationToken).ConfigureAwait(false);
        }

        await File.WriteAllTextAsync(Path.Combine(folder, "oci-layout"), """{"imageLayoutVersion":"1.0.0"}""", cancellationToken)
            .ConfigureAwait(false);
        await File.WriteAllBytesAsync(Path.Combine(folder, "index.json"), RegistryJson.WriteIndex(digest, manifest.Length), cancellationToken)
            .ConfigureAwait(false);
    }

    static async Task<(string Digest, byte[] Manifest)> FetchManifestAsync(RegistrySession session, string reference,
        CancellationToken cancellationToken)
    {
        using var response = await session.GetAsync($"manifests/{reference}", s_manifestTypes, cancellationToken).ConfigureAwait(false);
        byte[] manifest = await RegistrySession.ReadAsync(response, ContainerJson.MaxSize, cancellationToken).ConfigureAwait(false);
        string digest = $"sha256:{Convert.ToHexStringLower(SHA256.HashData(manifest))}";
        return !reference.Contains(':', StringComparison.Ordinal) || reference == digest
            ? (digest, manifest)
            : throw new ContainerRegistryException(ContainerRegistryError.MalformedAnswer,
                $"What the registry gives for {reference} has the digest {digest}.");
    }

    static async Task<long> FetchBlobAsync(RegistrySession session, string folder, string digest, long size, long total,
        IProgress<long>? progress, CancellationToken cancellationToken)
    {
        string path = PathOf(folder, digest);
        if (File.Exists(path))
        {
            return total;
        }

        using var response = await session.GetAsync($"blobs/{digest}", [], cancellationToken).ConfigureAwait(false);
        using var content = await response.Content.ReadAsStreamAsync(cancellationToken).ConfigureAwait(false);
        using var file = File.Create(path);
        byte[] buffer = new byte[1 << 17];
        long written = 0;
        for (int read; (read = await content.ReadAsync(buffer, cancellationToken).ConfigureAwait(false)) > 0;)
        {
            written += read;
            if (written > size)
            {
                throw new ContainerRegistryException(ContainerRegistryError.MalformedAnswer,
                    $"The blob {digest} has more than the {size} bytes that the manifest names.");
            }

            await file.WriteAsync(buffer.AsMemory(0, read), cancellationToken).ConfigureAwait(false);
            progress?.Report(total + written);
        }

        return total + written;
    }

    static void WriteBlob(string folder, string digest, byte[] bytes) => File.WriteAllBytes(PathOf(folder, digest), bytes);

    static string PathOf(string folder, string digest)
    {
        string path = Path.Combine(folder, ContainerFiles.BlobPath(digest));
        Directory.CreateDirectory(Path.GetDirectoryName(path)!);
        return path;
    }
}
