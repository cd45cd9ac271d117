using System.Formats.Tar;
using System.Text;
using System.Text.Json.Nodes;

namespace NitroEnclaves.Images.Tests;

public sealed class ContainerImageTests : IDisposable
{
    readonly TemporaryFolder _folder = new();

    static readonly JsonObject s_config = new()
    {
        ["Entrypoint"] = new JsonArray("/bin/app"),
        ["Cmd"] = new JsonArray("--flag", "value"),
        ["Env"] = new JsonArray("PATH=/bin", "A=1"),
        ["WorkingDir"] = "/srv",
        ["User"] = "app:app",
    };

    public void Dispose() => _folder.Dispose();

    [Fact]
    public void Oci_layout_folder()
    {
        Sample().WriteOciLayout(_folder.Path);

        using var image = ContainerImage.Open(_folder.Path);

        AssertSample(image);
    }

    [Fact]
    public void Oci_layout_archive()
    {
        Directory.CreateDirectory(_folder["layout"]);
        Sample().WriteOciLayout(_folder["layout"]);
        TarFile.CreateFromDirectory(_folder["layout"], _folder["image.tar"], includeBaseDirectory: false);

        using var image = ContainerImage.Open(_folder["image.tar"]);

        AssertSample(image);
    }

    [Fact]
    public void Docker_archive()
    {
        Sample().WriteDockerArchive(_folder["image.tar"]);

        using var image = ContainerImage.Open(_folder["image.tar"], reference: "app:1");

        AssertSample(image);
        Assert.StartsWith("sha256:", image.Configuration.Digest, StringComparison.Ordinal);
    }

    [Fact]
    public void Same_layer_twice_in_a_docker_archive()
    {
        new TestContainerImage().Layer(("a", "1")).Layer(("b", "2")).Layer(("a", "1")).WriteDockerArchive(_folder["image.tar"]);

        using var image = ContainerImage.Open(_folder["image.tar"]);

        Assert.Equal(["a", "b"], Paths(image));
    }

    [Fact]
    public void Program_is_put_together()
    {
        Sample().WriteOciLayout(_folder.Path);
        using var image = ContainerImage.Open(_folder.Path);

        var program = image.Configuration.ToProgram();
        var likeNitroCli = image.Configuration.ToNitroCliProgram();

        Assert.Equal(["/bin/app", "--flag", "value"], program.Command);
        Assert.Equal(["PATH=/bin", "A=1"], program.Environment);
        Assert.Equal(("/srv", "app:app"), (program.WorkingDirectory, program.User));
        Assert.Equal(["--flag", "value"], likeNitroCli.Command);
        Assert.Null(likeNitroCli.WorkingDirectory);
    }

    [Fact]
    public void Whiteouts_take_away_what_lower_layers_have()
    {
        var paths = Merge(new TestContainerImage()
            .Layer(("a", "1"), ("d/", ""), ("d/x", "1"), ("d/y/z", "1"))
            .Layer((".wh.a", ""), ("d/.wh.y", ""), ("d/.wh.missing", ""), (".wh.nowhere", "")));

        Assert.Equal(["d", "d/x"], paths);
    }

    [Fact]
    public void Whiteouts_leave_their_own_layer_alone_wherever_they_stand()
    {
        Assert.Equal(["a"], Merge(new TestContainerImage().Layer(("a", "old")).Layer(("a", "new"), (".wh.a", ""))));
        Assert.Equal(["d", "d/new"],
            Merge(new TestContainerImage().Layer(("d/old", "1")).Layer(("d/", ""), ("d/new", "1"), ("d/.wh..wh..opq", ""))));
        Assert.Equal(["d", "d/new"],
            Merge(new TestContainerImage().Layer(("d/old", "1")).Layer(("d/.wh..wh..opq", ""), ("d/", ""), ("d/new", "1"))));
    }

    [Fact]
    public void Whiteouts_do_not_follow_links()
    {
        Assert.Equal(
            ["link", "link/new", "real", "real/x"],
            Merge(new TestContainerImage().Layer(("real/x", "1"), ("link -> real", "")).Layer(("link/", ""), ("link/.wh..wh..opq", ""),
                ("link/new", "1"))));
    }

    [Fact]
    public void Aufs_remains_are_left_out() =>
        Assert.Equal(["a"], Merge(new TestContainerImage().Layer(("a", "1"), (".wh..wh.plnk/", ""), (".wh..wh.aufs", ""))));

    [Fact]
    public void Hard_links_reach_into_lower_layers()
    {
        Write(new TestContainerImage().Layer(("a", "old")).Layer(("b => a", "")).Layer(("a", "new")));
        using var image = ContainerImage.Open(_folder.Path);

        Assert.Equal("old", Text(image.RootFileSystem.Find("b")!));
        Assert.Equal("new", Text(image.RootFileSystem.Find("a")!));
    }

    [Fact]
    public void Names_and_architectures_choose()
    {
        new TestContainerImage().Layer(("one", "")).WriteOciLayout(_folder.Path, "app:1");
        new TestContainerImage().Layer(("two", "")).WriteOciLayout(_folder.Path, "app:2");
        new TestContainerImage { Architecture = "arm64" }.Layer(("arm", "")).WriteOciLayout(_folder.Path, "app:1");

        using var one = ContainerImage.Open(_folder.Path, reference: "app:1");
        using var two = ContainerImage.Open(_folder.Path, reference: "app:2");
        using var arm = ContainerImage.Open(_folder.Path, EifArchitecture.Arm64);

        Assert.Equal(["one"], Paths(one));
        Assert.Equal(["two"], Paths(two));
        Assert.Equal(["arm"], Paths(arm));
        AssertRefused(RootFileSystemError.NoSuchImage, () => ContainerImage.Open(_folder.Path));
        AssertRefused(RootFileSystemError.NoSuchImage, () => ContainerImage.Open(_folder.Path, reference: "app:3"));
    }

    [Theory]
    [InlineData("config", RootFileSystemError.MalformedContainerImage)]
    [InlineData("manifest", RootFileSystemError.MalformedContainerImage)]
    [InlineData("index", RootFileSystemError.MalformedContainerImage)]
    public void Json_that_is_none(string what, RootFileSystemError reason)
    {
        Sample().WriteOciLayout(_folder.Path, change: (which, bytes) => which == what ? bytes[..(bytes.Length / 2)] : bytes);

        AssertRefused(reason, () => ContainerImage.Open(_folder.Path));
    }

    [Fact]
    public void Changed_blobs()
    {
        Sample().WriteOciLayout(_folder.Path);
        foreach (string blob in Directory.GetFiles(_folder["blobs/sha256"]))
        {
            byte[] bytes = File.ReadAllBytes(blob);
            File.WriteAllBytes(blob, [.. bytes[..^1], (byte)(bytes[^1] ^ 1)]);

            AssertRefused(RootFileSystemError.DigestMismatch, () => ContainerImage.Open(_folder.Path));
            File.WriteAllBytes(blob, bytes);
        }
    }

    [Fact]
    public void Missing_blobs()
    {
        Sample().WriteOciLayout(_folder.Path);
        foreach (string blob in Directory.GetFiles(_folder["blobs/sha256"]))
        {
            File.Move(blob, _folder["away"]);

            AssertRefused(RootFileSystemError.MissingBlob, () => ContainerImage.Open(_folder.Path));
            File.Move(_folder["away"], blob);
        }
    }

    [Fact]
    public void Layer_that_does_not_unpack_to_what_the_configuration_says()
    {
        Sample().WriteOciLayout(_folder.Path, change: (which, bytes) =>
            which == "config"
                ? Encoding.UTF8.GetBytes(System.Text.RegularExpressions.Regex.Replace(Encoding.UTF8.GetString(bytes), "sha256:.",
                "sha256:0")) : bytes);

        AssertRefused(RootFileSystemError.DigestMismatch, () => ContainerImage.Open(_folder.Path));
    }

    [Theory]
    [InlineData("""{"manifests":[{"digest":"sha256:../../../etc/passwd"}]}""")]
    [InlineData("""{"manifests":[{"digest":"md5:d41d8cd98f00b204e9800998ecf8427e"}]}""")]
    [InlineData("""{"manifests":[{}]}""")]
    [InlineData("""{"manifests":[1]}""")]
    [InlineData("""{"manifests":{}}""")]
    [InlineData("""[]""")]
    public void Index_of_another_form(string json)
    {
        File.WriteAllText(_folder["index.json"], json);

        AssertRefused(RootFileSystemError.MalformedContainerImage, () => ContainerImage.Open(_folder.Path));
    }

    [Fact]
    public void Index_that_names_itself_ends()
    {
        File.WriteAllText(_folder["index.json"], $$"""{"manifests":[{{string.Join(',', Enumerable.Repeat("{\"digest\":\"sha256:" + new string('0', 64) + "\"}", 1001))}}]}""");

        AssertRefused(RootFileSystemError.MalformedContainerImage, () => ContainerImage.Open(_folder.Path));
    }

    [Fact]
    public void Folder_without_an_image() =>
        AssertRefused(RootFileSystemError.MalformedContainerImage, () => ContainerImage.Open(_folder.Path));

    static TestContainerImage Sample() => new TestContainerImage { Config = s_config }
        .Layer(("bin/", ""), ("bin/app", "v1"), ("etc/", ""), ("etc/passwd", "root"), ("lib -> usr/lib", ""))
        .Layer(("bin/app", "v2"), ("bin/sh => bin/app", ""), ("etc/.wh.passwd", ""), ("srv/", ""));

    static void AssertSample(ContainerImage image)
    {
        Assert.Equal(["bin", "bin/app", "bin/sh", "etc", "lib", "srv"], Paths(image));
        Assert.Equal("v2", Text(image.RootFileSystem.Find("bin/app")!));
        Assert.Same(image.RootFileSystem.Find("bin/app"), image.RootFileSystem.Find("bin/sh"));
        Assert.Equal(("amd64", "linux"), (image.Configuration.Architecture, image.Configuration.OperatingSystem));
    }

    List<string> Merge(TestContainerImage image)
    {
        Write(image);
        using var opened = ContainerImage.Open(_folder.Path);
        return [.. Paths(opened)];
    }

    void Write(TestContainerImage image)
    {
        File.Delete(_folder["index.json"]);
        image.WriteOciLayout(_folder.Path);
    }

    static IEnumerable<string> Paths(ContainerImage image) => image.RootFileSystem.Files.Select(file => file.Path);

    static string Text(FileNode node)
    {
        using var reader = new StreamReader(node.Content.OpenRead());
        return reader.ReadToEnd();
    }

    static void AssertRefused(RootFileSystemError reason, Func<ContainerImage> open) =>
        Assert.Equal(reason, Assert.Throws<RootFileSystemException>(() => open().Dispose()).Reason);
}
