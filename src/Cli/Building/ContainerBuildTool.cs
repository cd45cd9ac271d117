using NitroEnclaves.Cli.Demo;
using NitroEnclaves.Images;

namespace NitroEnclaves.Cli.Building;

/// <summary>Builds a folder with a Dockerfile by whichever of docker, podman and buildah is there, and takes the image out of it.</summary>
/// <param name="Name">The tool.</param>
/// <param name="Save">The arguments that write an image (first) to an archive (second).</param>
sealed record ContainerBuildTool(string Name, Func<string, string, string[]> Save)
{
    static readonly ContainerBuildTool[] s_all =
    [
        new("docker", (image, archive) => ["save", "--output", archive, image]),
        new("podman", (image, archive) => ["save", "--format", "oci-archive", "--output", archive, image]),
        new("buildah", (image, archive) => ["push", "--quiet", image, $"oci-archive:{archive}"]),
    ];

    /// <summary>The first tool that can build here: docker only with its daemon.</summary>
    /// <exception cref="CommandFailure">There is none.</exception>
    public static ContainerBuildTool Find(bool engineIsThere) =>
        Array.Find(s_all, tool => IsInstalled(tool.Name) && (tool.Name != "docker" || engineIsThere))
        ?? throw new CommandFailure(49, "--docker-dir needs docker (with its daemon running), podman or buildah, and none of them is here.");

    /// <summary>Builds, and writes the image.</summary>
    /// <param name="folder">The folder with the Dockerfile.</param>
    /// <param name="image">The name that the image gets.</param>
    /// <param name="architecture">For which processor.</param>
    /// <param name="archive">The archive to write.</param>
    /// <param name="cancellationToken">Ends the tool.</param>
    /// <exception cref="CommandFailure">The tool failed; its words are in the message.</exception>
    public async Task BuildAsync(string folder, string image, EifArchitecture architecture, string archive, CancellationToken cancellationToken)
    {
        try
        {
            string[] platform = architecture == EifArchitecture.Arm64 ? ["--platform", "linux/arm64"] : [];
            await Tool.RunAsync(Name, ["build", .. platform, "--tag", image, folder], cancellationToken);
            await Tool.RunAsync(Name, Save(image, archive), cancellationToken);
        }
        catch (CommandFailure failure)
        {
            throw new CommandFailure(49, failure.Message);
        }
    }

    static bool IsInstalled(string name) => (Environment.GetEnvironmentVariable("PATH") ?? "").Split(Path.PathSeparator)
        .Any(folder => folder.Length > 0 && File.Exists(Path.Combine(folder, name)));
}
