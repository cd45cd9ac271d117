using System.Text.RegularExpressions;

namespace NitroEnclaves.Images;

/// <summary>
/// The name of a container image as people write it: <c>[registry[:port]/]repository[:tag][@digest]</c>. Without a registry it is
/// Docker Hub's, where names of one word lie below <c>library/</c>; without tag and digest the tag is <c>latest</c>.
/// </summary>
public sealed partial record ContainerImageName
{
    const string DockerHub = "docker.io";
    const string DockerHubEndpoint = "registry-1.docker.io";
    const int MaxLength = 512;

    ContainerImageName(string registry, string repository, string? tag, string? digest)
    {
        Registry = registry;
        Repository = repository;
        Tag = tag;
        Digest = digest;
    }

    /// <summary>The registry's host, with its port where the name has one; <c>docker.io</c> for Docker Hub.</summary>
    public string Registry { get; }

    /// <summary>The repository's path in the registry.</summary>
    public string Repository { get; }

    /// <summary>The tag; null where only a digest was given.</summary>
    public string? Tag { get; }

    /// <summary>The digest of manifest or index, "sha256:..."; null where none was given.</summary>
    public string? Digest { get; }

    /// <summary>True where the registry is this machine, which is spoken to without TLS.</summary>
    public bool IsLoopback => IsLoopbackHost(Endpoint.Host);

    /// <summary>Where the registry answers.</summary>
    internal Uri Endpoint
    {
        get
        {
            string host = Registry == DockerHub ? DockerHubEndpoint : Registry;
            var uri = new Uri($"https://{host}/");
            return IsLoopbackHost(uri.Host) ? new Uri($"http://{host}/") : uri;
        }
    }

    /// <summary>Reads a name.</summary>
    /// <exception cref="ContainerRegistryException">It is none.</exception>
    public static ContainerImageName Parse(string text)
    {
        ArgumentNullException.ThrowIfNull(text);
        var match = text.Length <= MaxLength ? Form().Match(text) : Match.Empty;
        if (!match.Success || !Uri.TryCreate($"https://{match.Groups["registry"].Value}/", UriKind.Absolute, out _) && match.Groups["registry"].Success)
        {
            throw new ContainerRegistryException(ContainerRegistryError.InvalidName,
                $"'{text}' is no name of a container image ([registry[:port]/]repository[:tag][@digest], in lower case).");
        }

        string registry = match.Groups["registry"].Success ? match.Groups["registry"].Value : DockerHub;
        string repository = match.Groups["repository"].Value;
        string? digest = match.Groups["digest"].Success ? match.Groups["digest"].Value : null;
        string? tag = match.Groups["tag"].Success ? match.Groups["tag"].Value : digest is null ? "latest" : null;
        return new ContainerImageName(
            registry is "index.docker.io" ? DockerHub : registry,
            registry == DockerHub && !repository.Contains('/', StringComparison.Ordinal) ? "library/" + repository : repository,
            tag, digest);
    }

    /// <inheritdoc/>
    public override string ToString() => $"{Registry}/{Repository}{(Tag is null ? "" : ":" + Tag)}{(Digest is null ? "" : "@" + Digest)}";

    /// <summary>True for this machine's names and addresses.</summary>
    internal static bool IsLoopbackHost(string host) =>
        host is "localhost" || (System.Net.IPAddress.TryParse(host.Trim('[', ']'), out var address) && System.Net.IPAddress.IsLoopback(address));

    // The first part is a registry where it has a dot or a port, or is "localhost" (the rule of docker's distribution/reference).
    [GeneratedRegex("""
        ^(?:(?<registry>(?:[A-Za-z0-9-]+(?:\.[A-Za-z0-9-]+)+|localhost|\[[0-9A-Fa-f:]+\])(?::[0-9]{1,5})?|[A-Za-z0-9-]+:[0-9]{1,5})/)?
        (?<repository>[a-z0-9]+(?:(?:\.|_|__|-+)[a-z0-9]+)*(?:/[a-z0-9]+(?:(?:\.|_|__|-+)[a-z0-9]+)*)*)
        (?::(?<tag>[A-Za-z0-9_][A-Za-z0-9_.-]{0,127}))?
        (?:@(?<digest>sha256:[0-9a-f]{64}))?$
        """, RegexOptions.CultureInvariant | RegexOptions.IgnorePatternWhitespace | RegexOptions.NonBacktracking)]
    private static partial Regex Form();
}
