using System.Formats.Tar;
using System.IO.Compression;
using System.Security.Cryptography;
using System.Text;
using System.Text.Json;
using System.Text.Json.Nodes;

namespace NitroEnclaves.Images.Tests;

/// <summary>Makes container images in both saved forms, layer by layer.</summary>
sealed class TestContainerImage
{
    readonly List<byte[]> _layers = [];

    public string Architecture { get; init; } = "amd64";

    public JsonObject Config { get; init; } = [];

    /// <summary>Adds a layer; a name that ends in "/" is a folder, "name -> target" a link, "name => target" a hard link.</summary>
    public TestContainerImage Layer(params (string Name, string Content)[] files)
    {
        using var tar = new MemoryStream();
        using (var writer = new TarWriter(tar, TarEntryFormat.Pax, leaveOpen: true))
        {
            foreach (var (name, content) in files)
            {
                string[] symbolic = name.Split(" -> ");
                string[] hard = name.Split(" => ");
                writer.WriteEntry(
                    symbolic.Length == 2
                        ? TarTests.Entry(TarEntryFormat.Pax, System.Formats.Tar.TarEntryType.SymbolicLink, symbolic[0], link: symbolic[1])
                    : hard.Length == 2
                        ? TarTests.Entry(TarEntryFormat.Pax, System.Formats.Tar.TarEntryType.HardLink, hard[0], link: hard[1])
                    : name.EndsWith('/') ? TarTests.Entry(TarEntryFormat.Pax, System.Formats.Tar.TarEntryType.Directory, name, mode: 0x1ED)
                    : TarTests.Entry(TarEntryFormat.Pax, System.Formats.Tar.TarEntryType.RegularFile, name, content));
            }
        }

        _layers.Add(tar.ToArray());
        return this;
    }

    /// <summary>An OCI layout in a folder, layers packed with gzip, behind a nested index; returns the manifest's digest.</summary>
    public string WriteOciLayout(string folder, string? reference = null, Func<string, byte[], byte[]>? change = null)
    {
        string Blob(byte[] bytes)
        {
            string hex = Convert.ToHexStringLower(SHA256.HashData(bytes));
            Directory.CreateDirectory(Path.Combine(folder, "blobs", "sha256"));
            File.WriteAllBytes(Path.Combine(folder, "blobs", "sha256", hex), bytes);
            return "sha256:" + hex;
        }

        byte[] configuration = Change("config", Configuration());
        var manifest = new JsonObject
        {
            ["schemaVersion"] = 2,
            ["config"] = Descriptor(Blob(configuration), configuration.Length),
            ["layers"] = new JsonArray([.. _layers.Select(layer =>
            {
                byte[] packed = Pack(layer);
                return (JsonNode)Descriptor(Blob(packed), packed.Length);
            })]),
        };
        byte[] manifestBytes = Change("manifest", Encode(manifest));
        var inManifest = Descriptor(Blob(manifestBytes), manifestBytes.Length);
        inManifest["platform"] = new JsonObject { ["architecture"] = Architecture, ["os"] = "linux" };
        byte[] nested = Encode(new JsonObject { ["schemaVersion"] = 2, ["manifests"] = new JsonArray(inManifest) });
        var inIndex = Descriptor(Blob(nested), nested.Length);
        if (reference is not null)
        {
            inIndex["annotations"] = new JsonObject { ["org.opencontainers.image.ref.name"] = reference };
        }

        string indexPath = Path.Combine(folder, "index.json");
        var entries = File.Exists(indexPath) ? JsonNode.Parse(File.ReadAllBytes(indexPath))!["manifests"]!.AsArray().DeepClone().AsArray()
            : [];
        entries.Add(inIndex);
        File.WriteAllText(Path.Combine(folder, "oci-layout"), """{"imageLayoutVersion":"1.0.0"}""");
        File.WriteAllBytes(indexPath, Change("index", Encode(new JsonObject { ["schemaVersion"] = 2, ["manifests"] = entries })));
        return (string)inManifest["digest"]!;

        byte[] Change(string what, byte[] bytes) => change?.Invoke(what, bytes) ?? bytes;
    }

    /// <summary>
    /// What docker save wrote before version 25: a folder a layer, of which the last one's is a symbolic link to the first's, if
    /// equal.
    /// </summary>
    public void WriteDockerArchive(string path, string tag = "app:1")
    {
        byte[] configuration = Configuration();
        string configurationName = Convert.ToHexStringLower(SHA256.HashData(configuration)) + ".json";
        using var file = File.Create(path);
        using var writer = new TarWriter(file, TarEntryFormat.Ustar);
        var names = new List<string>();
        var written = new Dictionary<string, string>();
        for (int i = 0; i < _layers.Count; i++)
        {
            string name = $"layer{i}/layer.tar";
            string digest = Convert.ToHexStringLower(SHA256.HashData(_layers[i]));
            if (written.TryGetValue(digest, out string? same))
            {
                writer.WriteEntry(new UstarTarEntry(System.Formats.Tar.TarEntryType.SymbolicLink, name) { LinkName = "../" + same });
            }
            else
            {
                written.Add(digest, name);
                Add(name, _layers[i]);
            }

            names.Add(name);
        }

        Add(configurationName, configuration);
        Add("manifest.json", Encode(new JsonArray(new JsonObject
        {
            [nameof(Config)] = configurationName,
            ["RepoTags"] = new JsonArray(tag),
            ["Layers"] = new JsonArray([.. names.Select(name => (JsonNode)name)]),
        })));

        void Add(string name, byte[] content) =>
            writer.WriteEntry(new UstarTarEntry(System.Formats.Tar.TarEntryType.RegularFile,
                name) { DataStream = new MemoryStream(content) });
    }

    byte[] Configuration() => Encode(new JsonObject
    {
        ["architecture"] = Architecture,
        ["os"] = "linux",
        ["config"] = Config.DeepClone(),
        ["rootfs"] = new JsonObject
        {
            ["type"] = "layers",
            ["diff_ids"] = new JsonArray([.. _layers.Select(layer =>
                (JsonNode)("sha256:" + Convert.ToHexStringLower(SHA256.HashData(layer))))]),
        },
    });

    static JsonObject Descriptor(string digest, int size) => new() { ["digest"] = digest, ["size"] = size };

    static byte[] Encode(JsonNode node) => Encoding.UTF8.GetBytes(node.ToJsonString(new JsonSerializerOptions()));

    static byte[] Pack(byte[] layer)
    {
        using var packed = new MemoryStream();
        using (var gzip = new GZipStream(packed, CompressionLevel.Fastest, leaveOpen: true))
        {
            gzip.Write(layer);
        }

        return packed.ToArray();
    }
}
