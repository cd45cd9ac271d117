namespace NitroEnclaves.Cli.Building;

/// <summary>
/// Where the files of an image come from, as the command line names it: at most one of container image, archive and published
/// program, and folders over it.
/// </summary>
sealed record RootFileSystemRequest
{
    /// <summary>An OCI layout (folder or tar), or what <c>docker save</c> or <c>podman save</c> wrote.</summary>
    public string? ContainerImage { get; init; }

    /// <summary>The name of the image to take where there are several in it.</summary>
    public string? Reference { get; init; }

    /// <summary>A tar archive with the whole root file system, such as <c>docker export</c> writes.</summary>
    public string? Archive { get; init; }

    /// <summary>The output of <c>dotnet publish</c>.</summary>
    public string? PublishFolder { get; init; }

    /// <summary>A container image by its name, in a local engine or in its registry.</summary>
    public string? DockerUri { get; init; }

    /// <summary>A folder with a Dockerfile, built under the name <see cref="DockerUri"/>.</summary>
    public string? DockerFolder { get; init; }

    /// <summary>Folders, each as <c>DIR</c> or <c>DIR:PATH</c>.</summary>
    public IReadOnlyList<string> Directories { get; init; } = [];

    /// <summary>Whether the C runtime from the cache folder goes in.</summary>
    public bool RuntimeLibraries { get; init; }
}
