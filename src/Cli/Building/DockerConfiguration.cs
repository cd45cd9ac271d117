using System.Text;
using System.Text.Json;
using NitroEnclaves.Cli.Demo;
using NitroEnclaves.Images;

namespace NitroEnclaves.Cli.Building;

/// <summary>
/// The credentials that <c>docker login</c> left: <c>config.json</c> in <c>$DOCKER_CONFIG</c> (a folder; nitro-cli takes it for the
/// file, and so may it be) or <c>~/.docker</c>, and the credential helpers that it names.
/// </summary>
static class DockerConfiguration
{
    const string DockerHubKey = "https://index.docker.io/v1/";

    /// <summary>What opens a registry; null where nobody logged in.</summary>
    /// <param name="registry">The registry's name as images have it.</param>
    /// <param name="cancellationToken">Ends a helper that does not answer.</param>
    /// <exception cref="CommandFailure">The configuration is malformed, or a helper failed.</exception>
    public static async Task<RegistryCredential?> FindCredentialAsync(string registry, CancellationToken cancellationToken)
    {
        var path = FilePath();
        if (!File.Exists(path))
        {
            return null;
        }

        try
        {
            using var configuration = JsonDocument.Parse(await File.ReadAllBytesAsync(path, cancellationToken));
            var root = configuration.RootElement;
            string[] keys = registry == "docker.io" ? [DockerHubKey, registry] : [registry, $"https://{registry}", $"https://{registry}/"];
            if (FindHelper(root, keys) is { } helper && await AskHelperAsync(helper, keys[0], cancellationToken) is { } answer)
            {
                return answer;
            }

            return root.TryGetProperty("auths", out var entries)
                ? keys.Select(key => entries.TryGetProperty(key, out var entry) ? ReadEntry(entry) : null).FirstOrDefault(found => found is not null)
                : null;
        }
        catch (Exception exception) when (exception is JsonException or InvalidOperationException or FormatException)
        {
            throw new CommandFailure(50, $"{path} is no docker configuration: {exception.Message}");
        }
    }

    static string FilePath()
    {
        var given = Environment.GetEnvironmentVariable("DOCKER_CONFIG");
        var folder = string.IsNullOrEmpty(given)
            ? Path.Combine(Environment.GetFolderPath(Environment.SpecialFolder.UserProfile), ".docker")
            : given;
        return File.Exists(folder) ? folder : Path.Combine(folder, "config.json");
    }

    static string? FindHelper(JsonElement root, string[] keys)
    {
        if (root.TryGetProperty("credHelpers", out var helpers))
        {
            foreach (var key in keys)
            {
                if (helpers.TryGetProperty(key, out var helper))
                {
                    return helper.GetString();
                }
            }
        }

        return root.TryGetProperty("credsStore", out var store) ? store.GetString() : null;
    }

    // The protocol of docker-credential-helpers: the registry on stdin, {"ServerURL","Username","Secret"} on stdout.
    static async Task<RegistryCredential?> AskHelperAsync(string helper, string key, CancellationToken cancellationToken)
    {
        if (helper.Length == 0)
        {
            return null;
        }

        if (helper.AsSpan().ContainsAny('/', '\\'))
        {
            throw new CommandFailure(50, $"The docker configuration names the credential helper {helper}, which is no name.");
        }

        string text;
        try
        {
            text = await Tool.RunAsync($"docker-credential-{helper}", ["get"], cancellationToken, input: key);
        }
        catch (CommandFailure exception) when (exception.Message.Contains("credentials not found", StringComparison.Ordinal))
        {
            return null;
        }

        using var answer = JsonDocument.Parse(text);
        var (user, secret) = (answer.RootElement.GetProperty("Username").GetString()!, answer.RootElement.GetProperty("Secret").GetString()!);
        return new RegistryCredential(user, secret, IsIdentityToken: user == "<token>");
    }

    static RegistryCredential? ReadEntry(JsonElement entry)
    {
        if (entry.TryGetProperty("identitytoken", out var token) && token.GetString() is { Length: > 0 } identity)
        {
            return new RegistryCredential("<token>", identity, IsIdentityToken: true);
        }

        if (!entry.TryGetProperty("auth", out var packed) || packed.GetString() is not { Length: > 0 } base64)
        {
            return null;
        }

        var pair = Encoding.UTF8.GetString(Convert.FromBase64String(base64));
        var colon = pair.IndexOf(':', StringComparison.Ordinal);
        return colon > 0 ? new RegistryCredential(pair[..colon], pair[(colon + 1)..].TrimEnd('\0')) : null;
    }
}
