namespace NitroEnclaves.Images.Tests;

public sealed class RootFileSystemTests : IDisposable
{
    readonly RootFileSystem _tree = new();

    public void Dispose() => _tree.Dispose();

    [Fact]
    public void Missing_folders_come_to_be()
    {
        _tree.Set("/usr//share/./x", File("1"));

        Assert.Equal(["usr", "usr/share", "usr/share/x"], Paths);
        Assert.Equal(FileNodeType.Directory, _tree.Find("usr")!.Type);
        Assert.Equal(3, _tree.Count);
    }

    [Fact]
    public void Names_are_sorted_by_their_bytes()
    {
        string[] names = ["b", "a", "a-b", "a/z", "\uFFFD", "\U0001F600", "Z"];
        foreach (string name in names.Where(name => name != "a/z"))
        {
            _tree.Set(name, FileNode.Directory());
        }

        _tree.Set("a/z", File("1"));

        Assert.Equal(["Z", "a", "a/z", "a-b", "b", "\uFFFD", "\U0001F600"], Paths);
    }

    [Fact]
    public void Folder_over_folder_keeps_the_content_and_takes_the_attributes()
    {
        _tree.Set("a/b", File("1"));
        _tree.Set("a", FileNode.Directory((UnixFileMode)0x1C0));

        Assert.Equal((UnixFileMode)0x1C0, _tree.Find("a")!.Mode);
        Assert.NotNull(_tree.Find("a/b"));
    }

    [Fact]
    public void File_over_folder_takes_everything_away()
    {
        _tree.Set("a/b/c", File("1"));
        _tree.Set("a", File("2"));

        Assert.Equal(["a"], Paths);
        Assert.Equal(1, _tree.Count);
    }

    [Fact]
    public void Removing_takes_what_a_folder_holds()
    {
        _tree.Set("a/b/c", File("1"));

        Assert.True(_tree.Remove("a/b"));
        Assert.False(_tree.Remove("a/b"));
        Assert.Equal(["a"], Paths);
    }

    [Fact]
    public void Symbolic_links_on_the_way_are_followed_within_the_tree()
    {
        _tree.Set("usr/bin", FileNode.Directory());
        _tree.Set("bin", FileNode.SymbolicLink("usr/bin"));
        _tree.Set("deep/up", FileNode.SymbolicLink("../../../../bin"));
        _tree.Set("absolute", FileNode.SymbolicLink("/deep/up"));
        _tree.Set("bin/sh", File("1"));
        _tree.Set("absolute/ls", File("2"));

        Assert.NotNull(_tree.Find("usr/bin/sh"));
        Assert.NotNull(_tree.Find("usr/bin/ls"));
        Assert.Equal(FileNodeType.SymbolicLink, _tree.Find("bin")!.Type);
    }

    [Fact]
    public void Link_loops_end()
    {
        _tree.Set("a", FileNode.SymbolicLink("b"));
        _tree.Set("b", FileNode.SymbolicLink("a"));

        AssertRefused(RootFileSystemError.TooManySymbolicLinks, "a/x");
    }

    [Fact]
    public void File_on_the_way()
    {
        _tree.Set("a", File("1"));

        AssertRefused(RootFileSystemError.NotADirectory, "a/x");
        Assert.Null(_tree.Find("a/x"));
    }

    [Theory]
    [InlineData("..")]
    [InlineData("../x")]
    [InlineData("a/../../x")]
    [InlineData("a/..")]
    [InlineData("a\0b")]
    public void Ways_out(string path) => AssertRefused(RootFileSystemError.InvalidPath, path);

    [Fact]
    public void Long_names_and_paths()
    {
        AssertRefused(RootFileSystemError.PathTooLong, new string('ü', 128));
        AssertRefused(RootFileSystemError.PathTooLong, string.Join('/', Enumerable.Repeat("abcdefg", 600)));
    }

    [Fact]
    public void Root_is_a_folder()
    {
        AssertRefused(RootFileSystemError.NotADirectory, "/");
        Assert.Equal(RootFileSystemError.InvalidPath, Assert.Throws<RootFileSystemException>(() => _tree.Remove("")).Reason);

        _tree.Set("", FileNode.Directory((UnixFileMode)0x1C0));
        Assert.Equal((UnixFileMode)0x1C0, _tree.Find("")!.Mode);
    }

    [Fact]
    public void Four_gigabytes_are_too_much() =>
        Assert.Equal(RootFileSystemError.FileTooLarge, Assert.Throws<RootFileSystemException>(() =>
        {
            _tree.Set("x", FileNode.RegularFile(new Claimed(1L << 32)));
            new ApplicationRamdisk { RootFileSystem = _tree, Program = new() { Command = ["/x"] } }.WriteTo(Stream.Null,
                TestContext.Current.CancellationToken);
        }).Reason);

    void AssertRefused(RootFileSystemError reason, string path) =>
        Assert.Equal(reason, Assert.Throws<RootFileSystemException>(() => _tree.Set(path, File("x"))).Reason);

    IEnumerable<string> Paths => _tree.Files.Select(file => file.Path);

    static FileNode File(string text) => FileNode.RegularFile(FileContent.FromMemory(System.Text.Encoding.UTF8.GetBytes(text)));

    sealed class Claimed(long length) : FileContent
    {
        public override long Length => length;

        public override Stream OpenRead() => throw new NotSupportedException();
    }
}
