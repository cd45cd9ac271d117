namespace NitroEnclaves.Images;

/// <summary>Where an image's configuration and layers lie among the saved files.</summary>
/// <param name="ConfigurationPath">The configuration.</param>
/// <param name="ConfigurationDigest">Its digest; null where the file's name does not say.</param>
/// <param name="Layers">The layers, lowest first, with the digest of their packed form where it is known.</param>
sealed record ContainerImageSource(string ConfigurationPath, string? ConfigurationDigest,
    IReadOnlyList<(string Path, string? Digest)> Layers);
