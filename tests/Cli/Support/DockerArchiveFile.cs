using System.Formats.Tar;
using System.Security.Cryptography;
using System.Text;
using System.Text.Json.Nodes;

namespace NitroEnclaves.Cli.Tests;

/// <summary>Writes what <c>docker save</c> writes, for an image of one layer.</summary>
static class DockerArchiveFile
{
    /// <summary>The archive's bytes.</summary>
    /// <param name="config">The image's configuration: Entrypoint, Cmd, Env, WorkingDir, User.</param>
    /// <param name="files">Paths and contents of the layer.</param>
    public static byte[] Write(JsonObject config, params (string Path, string Content)[] files)
    {
        var layer = Tar(files.Select(file => (file.Path, Encoding.UTF8.GetBytes(file.Content))));
        var configuration = Encoding.UTF8.GetBytes(new JsonObject
        {
            ["architecture"] = "amd64",
            ["os"] = "linux",
            ["config"] = config.DeepClone(),
            ["rootfs"] = new JsonObject { ["type"] = "layers", ["diff_ids"] = new JsonArray($"sha256:{Digest(layer)}") },
        }.ToJsonString());
        var manifest = new JsonArray(new JsonObject
        {
            ["Config"] = Digest(configuration) + ".json",
            ["RepoTags"] = new JsonArray("app:1"),
            ["Layers"] = new JsonArray("layer.tar"),
        });
        return Tar([(Digest(configuration) + ".json", configuration), ("layer.tar", layer), ("manifest.json", Encoding.UTF8.GetBytes(manifest.ToJsonString()))]);
    }

    static byte[] Tar(IEnumerable<(string Path, byte[] Content)> files)
    {
        using var output = new MemoryStream();
        using (var writer = new TarWriter(output, TarEntryFormat.Ustar, leaveOpen: true))
        {
            foreach (var (path, content) in files)
            {
                writer.WriteEntry(new UstarTarEntry(TarEntryType.RegularFile, path)
                {
                    DataStream = new MemoryStream(content),
                    Mode = (UnixFileMode)0x1ED,
                    ModificationTime = DateTimeOffset.UnixEpoch,
                });
            }
        }

        return output.ToArray();
    }

    static string Digest(byte[] bytes) => Convert.ToHexStringLower(SHA256.HashData(bytes));
}
