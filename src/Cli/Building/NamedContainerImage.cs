using System.Text.Json;
using NitroEnclaves.Images;

namespace NitroEnclaves.Cli.Building;

/// <summary>
/// A container image that was asked for by its name, brought here: from a local Docker or Podman that has it, else from its
/// registry. Lies in a temporary folder that goes with this object.
/// </summary>
sealed class NamedContainerImage : IDisposable
{
    readonly string _folder = Directory.CreateTempSubdirectory("nitro-image-").FullName;

    NamedContainerImage() => Path = System.IO.Path.Combine(_folder, "image");

    /// <summary>The image: an archive, or the folder of an OCI layout.</summary>
    public string Path { get; }

    /// <summary>What the engine said of it; null where it came from the registry.</summary>
    public JsonElement? Inspection { get; private set; }

    /// <summary>Brings an image.</summary>
    /// <param name="uri">Its name.</param>
    /// <param name="folder">A folder with a Dockerfile to build it from first; null for an image that exists.</param>
    /// <param name="architecture">For which processor.</param>
    /// <param name="cancellationToken">Ends it early.</param>
    /// <exception cref="CommandFailure">No engine and no tool can do it.</exception>
    /// <exception cref="ContainerRegistryException">The registry does not give it.</exception>
    public static async Task<NamedContainerImage> FindAsync(string uri, string? folder, EifArchitecture architecture, CancellationToken cancellationToken)
    {
        var name = ContainerImageName.Parse(uri);
        var image = new NamedContainerImage();
        try
        {
            if (folder is not null)
            {
                await image.BuildAsync(folder, uri, architecture, cancellationToken);
            }
            else if (!await image.TakeFromEngineAsync(uri, cancellationToken))
            {
                await image.FetchAsync(name, architecture, cancellationToken);
            }

            return image;
        }
        catch
        {
            image.Dispose();
            throw;
        }
    }

    /// <inheritdoc/>
    public void Dispose() => Directory.Delete(_folder, recursive: true);

    async Task BuildAsync(string folder, string uri, EifArchitecture architecture, CancellationToken cancellationToken)
    {
        if (!Directory.Exists(folder))
        {
            throw new CommandFailure(49, $"The folder {folder} of --docker-dir does not exist.");
        }

        var engineIsThere = false;
        foreach (var engine in ContainerEngineSocket.FindAll())
        {
            using (engine)
            {
                engineIsThere = true;
            }
        }

        var tool = ContainerBuildTool.Find(engineIsThere);
        Console.Error.WriteLine($"Building {uri} from {folder} with {tool.Name}...");
        await tool.BuildAsync(folder, uri, architecture, Path, cancellationToken);
    }

    async Task<bool> TakeFromEngineAsync(string uri, CancellationToken cancellationToken)
    {
        foreach (var engine in ContainerEngineSocket.FindAll())
        {
            using (engine)
            {
                if (await engine.InspectAsync(uri, cancellationToken) is { } inspection)
                {
                    Console.Error.WriteLine("Using the locally available Docker image...");
                    Inspection = inspection;
                    await engine.SaveAsync(uri, Path, cancellationToken);
                    return true;
                }
            }
        }

        return false;
    }

    async Task FetchAsync(ContainerImageName name, EifArchitecture architecture, CancellationToken cancellationToken)
    {
        Directory.CreateDirectory(Path);
        Console.Error.WriteLine($"Fetching {name}...");
        using var client = new HttpClient { Timeout = Timeout.InfiniteTimeSpan };
        client.DefaultRequestHeaders.UserAgent.ParseAdd("nitro");
        using var progress = TerminalProgress.OnStandardError("Fetching");
        await new ContainerRegistry(client, DockerConfiguration.FindCredentialAsync).FetchAsync(name, architecture, Path, progress, cancellationToken);
    }
}
