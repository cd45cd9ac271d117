using System.Text.Json;

namespace NitroEnclaves.Images;

/// <summary>What a container image says about how it is run (OCI image specification, config.md).</summary>
public sealed class ContainerImageConfiguration
{
    /// <summary>The digest of the configuration, which is the image's id: "sha256:...".</summary>
    public required string Digest { get; init; }

    /// <summary>The processor architecture in Go's words: "amd64", "arm64".</summary>
    public required string Architecture { get; init; }

    /// <summary>The operating system in Go's words: "linux".</summary>
    public required string OperatingSystem { get; init; }

    /// <summary>ENTRYPOINT; empty for none.</summary>
    public IReadOnlyList<string> Entrypoint { get; init; } = [];

    /// <summary>CMD; empty for none.</summary>
    public IReadOnlyList<string> Command { get; init; } = [];

    /// <summary>ENV, each as "NAME=value".</summary>
    public IReadOnlyList<string> Environment { get; init; } = [];

    /// <summary>WORKDIR; null for "/".</summary>
    public string? WorkingDirectory { get; init; }

    /// <summary>USER; null for root.</summary>
    public string? User { get; init; }

    /// <summary>The digests of the unpacked layers, the lowest first.</summary>
    internal IReadOnlyList<string> LayerDigests { get; init; } = [];

    /// <summary>What init shall start: ENTRYPOINT and CMD together, in WORKDIR, as USER, with ENV.</summary>
    /// <exception cref="ArgumentException">The image has neither ENTRYPOINT nor CMD.</exception>
    public ProgramDescription ToProgram() => new()
    {
        Command = Entrypoint.Count + Command.Count > 0
            ? [.. Entrypoint, .. Command]
            : throw new ArgumentException("The image has neither ENTRYPOINT nor CMD; say what to start."),
        Environment = Environment,
        WorkingDirectory = WorkingDirectory,
        User = User,
    };

    /// <summary>The same as nitro-cli sees it: CMD, or without one ENTRYPOINT; no folder, no user.</summary>
    /// <exception cref="ArgumentException">The image has neither ENTRYPOINT nor CMD.</exception>
    public ProgramDescription ToNitroCliProgram() => new()
    {
        Command = Command.Count > 0 ? Command
            : Entrypoint.Count > 0 ? Entrypoint
            : throw new ArgumentException("The image has neither ENTRYPOINT nor CMD; say what to start."),
        Environment = Environment,
    };

    /// <summary>Reads the configuration's JSON.</summary>
    /// <exception cref="RootFileSystemException">It is not of its form.</exception>
    internal static ContainerImageConfiguration Read(byte[] json, string digest)
    {
        using var document = ContainerJson.Parse(json, "configuration");
        var root = document.RootElement;
        var config = ContainerJson.Object(root, "config");
        string workingDirectory = ContainerJson.Text(config, "WorkingDir");
        string user = ContainerJson.Text(config, "User");
        return new ContainerImageConfiguration
        {
            Digest = digest,
            Architecture = ContainerJson.Text(root, "architecture"),
            OperatingSystem = ContainerJson.Text(root, "os"),
            Entrypoint = ContainerJson.Texts(config, "Entrypoint"),
            Command = ContainerJson.Texts(config, "Cmd"),
            Environment = ContainerJson.Texts(config, "Env"),
            WorkingDirectory = workingDirectory.Length == 0 ? null : workingDirectory,
            User = user.Length == 0 ? null : user,
            LayerDigests = ContainerJson.Texts(ContainerJson.Object(root, "rootfs"), "diff_ids"),
        };
    }
}
