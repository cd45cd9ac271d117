using System.Net.Http.Headers;
using System.Security.Cryptography;
using System.Text;
using NitroEnclaves.Images;

namespace NitroEnclaves.Fuzz.Targets;

/// <summary>
/// The JSON of container images: index and manifest of an OCI layout, docker's manifest.json, configurations, and a registry's
/// answers. The first byte says which; digests are made right, so that what lies behind them is reached.
/// </summary>
sealed class OciFuzzTarget : IFuzzTarget
{
    static readonly byte[] s_configuration =
        """{"architecture":"amd64","os":"linux","config":{"User":"app","Env":["A=1"],"Entrypoint":["/bin/app"],"Cmd":["-x"],"WorkingDir":"/srv"},"rootfs":{"type":"layers","diff_ids":["sha256:e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855"]}}"""u8.ToArray();

    static readonly byte[] s_manifest = Encoding.UTF8.GetBytes(
        $$"""{"schemaVersion":2,"config":{"digest":"{{Digest(s_configuration)}}","size":3},"layers":[{"digest":"sha256:{{new string('0', 64)}}","size":1}]}""");

    public string Name => "oci";

    public IEnumerable<byte[]> Seeds { get; } =
    [
        [0, .. s_configuration],
        [1, .. s_manifest],
        [2, .. Index(s_manifest)],
        [3, .. """[{"Config":"config.json","RepoTags":["app:1"],"Layers":["layer.tar"]}]"""u8],
        [4, .. Index(s_manifest)],
        [4, .. """{"token":"abc","access_token":"def","expires_in":60}"""u8],
        [5, .. "registry.example.com:5000/team/app:1.0@sha256:e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855"u8],
        [6, .. "realm=\"https://auth.example.com/token\",service=\"registry\",scope=\"repository:app:pull\""u8],
    ];

    public void Run(ReadOnlySpan<byte> input)
    {
        if (input.IsEmpty)
        {
            return;
        }

        var document = input[1..].ToArray();
        try
        {
            switch (input[0] % 7)
            {
                case 0:
                    ContainerImageConfiguration.Read(document, "sha256:0");
                    break;
                case 1:
                    FindInLayout(Index(document), document);
                    break;
                case 2:
                    FindInLayout(document, s_manifest);
                    break;
                case 3:
                    using (var files = Files(("manifest.json", document), ("config.json", s_configuration)))
                    {
                        DockerArchive.Find(files, "amd64", "app:1");
                    }

                    break;
                case 4:
                    ReadAnswer(document);
                    break;
                case 5:
                    var name = ContainerImageName.Parse(Encoding.UTF8.GetString(document));
                    if (ContainerImageName.Parse(name.ToString()) != name)
                    {
                        throw new InvalidOperationException($"{name} is read as another name.");
                    }

                    _ = name.Endpoint;
                    break;
                default:
                    if (AuthenticationHeaderValue.TryParse("Bearer " + Encoding.Latin1.GetString(document), out var challenge))
                    {
                        RegistryChallenge.Choose([challenge]);
                    }

                    break;
            }
        }
        catch (Exception exception) when (exception is RootFileSystemException or ContainerRegistryException)
        {
            // The two answers to a malformed image and a malformed name.
        }
    }

    static void FindInLayout(byte[] index, byte[] manifest)
    {
        using var files = Files(("index.json", index), (Blob(manifest), manifest), (Blob(s_configuration), s_configuration));
        OciLayout.Find(files, "amd64", null, CancellationToken.None);
    }

    static void ReadAnswer(byte[] json)
    {
        foreach (Action read in (Action[])
            [
                () => RegistryJson.IsIndex(json),
                () => RegistryJson.FindManifests(json, "amd64"),
                () => RegistryJson.ReadBlobs(json),
                () => RegistryJson.ReadToken(json),
            ])
        {
            try
            {
                read();
            }
            catch (RootFileSystemException)
            {
            }
        }
    }

    static ContainerFiles Files(params (string Path, byte[] Content)[] files)
    {
        var tree = new RootFileSystem();
        foreach (var (path, content) in files)
        {
            tree.Set(path, FileNode.RegularFile(FileContent.FromMemory(content)));
        }

        return new ContainerFiles(tree);
    }

    static byte[] Index(byte[] manifest) => Encoding.UTF8.GetBytes(
        $$"""{"schemaVersion":2,"manifests":[{"digest":"{{Digest(manifest)}}","size":{{manifest.Length}},"platform":{"architecture":"amd64","os":"linux"},"annotations":{"org.opencontainers.image.ref.name":"app:1"} }]}""");

    static string Blob(byte[] content) => $"blobs/sha256/{Digest(content)[7..]}";

    static string Digest(byte[] content) => $"sha256:{Convert.ToHexStringLower(SHA256.HashData(content))}";
}
