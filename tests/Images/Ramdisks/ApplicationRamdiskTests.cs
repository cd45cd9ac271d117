using System.Text;
using FsCheck;
using FsCheck.Fluent;

namespace NitroEnclaves.Images.Tests;

public sealed class ApplicationRamdiskTests
{
    static readonly ProgramDescription s_program = new() { Command = ["/app/service", "--flag", "value with space"],
        Environment = ["A=1", "B="] };

    [Fact]
    public void Files_lie_where_the_inits_look_for_them()
    {
        using var root = new RootFileSystem();
        root.Set("app/service", FileNode.RegularFile(FileContent.FromMemory("x"u8.ToArray()), FileModes.Executable));
        var ramdisk = new ApplicationRamdisk
        {
            RootFileSystem = root,
            Program = new() { Command = s_program.Command, Environment = s_program.Environment, WorkingDirectory = "/app",
                User = "1000:1000" },
        };

        var files = CpioFile.ReadAll(Write(ramdisk));

        Assert.Equal(
            ["cmd", "env", "rootfs", "rootfs/app", "rootfs/app/service", "rootfs/dev", "rootfs/proc", "rootfs/run", "rootfs/sys",
                "rootfs/tmp", "user", "workdir"],
            files.Select(file => file.Name));
        Assert.Equal("/app/service\n--flag\nvalue with space\n", Text("cmd"));
        Assert.Equal("A=1\nB=\n", Text("env"));
        Assert.Equal("1000:1000\n", Text("user"));
        Assert.Equal("/app\n", Text("workdir"));
        Assert.Equal(0x81EDu, File("rootfs/app/service").Mode);
        Assert.Equal(0x41EDu, File("rootfs/dev").Mode);
        Assert.Equal(0x43FFu, File("rootfs/tmp").Mode);
        Assert.All(files, file => Assert.Equal(1492533000u, file.ModificationTime));

        CpioFile File(string name) => files.Single(file => file.Name == name);
        string Text(string name) => Encoding.UTF8.GetString(File(name).Data);
    }

    [Fact]
    public void Mount_points_that_are_there_stay()
    {
        using var root = new RootFileSystem();
        root.Set("tmp", FileNode.Directory((UnixFileMode)0x1C0));
        root.Set("run", FileNode.SymbolicLink("var/run"));

        var files = CpioFile.ReadAll(Write(new ApplicationRamdisk { RootFileSystem = root, Program = s_program }));

        Assert.Equal(0x41C0u, files.Single(file => file.Name == "rootfs/tmp").Mode);
        Assert.Equal(FileNodeType.SymbolicLink, files.Single(file => file.Name == "rootfs/run").Type);
    }

    [Fact]
    public void Any_tree_in_the_same_tree_out()
    {
        Prop.ForAll(TestTrees.Arbitrary, tree =>
        {
            using var root = new RootFileSystem();
            foreach (var (path, node) in tree)
            {
                root.Set(path, node);
            }

            var expected = root.Files.ToDictionary(file => file.Path, file => file.Node);
            byte[] archive = Write(new ApplicationRamdisk { RootFileSystem = root, Program = s_program });
            var files = CpioFile.ReadAll(archive);
            var inodes = new Dictionary<uint, string>();
            foreach (var file in files.Where(file => file.Name.StartsWith("rootfs/", StringComparison.Ordinal)))
            {
                string path = file.Name["rootfs/".Length..];
                if (!expected.Remove(path, out var node))
                {
                    Assert.Contains(path, new[] { "dev", "proc", "run", "sys", "tmp" });
                    continue;
                }

                Assert.Equal((uint)node.Type | (uint)node.Mode, file.Mode);
                Assert.Equal(node.UserId, file.UserId);
                Assert.Equal(node.GroupId, file.GroupId);
                Assert.Equal(node.DeviceMajor, file.Fields[9]);
                Assert.Equal(node.DeviceMinor, file.Fields[10]);
                byte[] data = node.Type == FileNodeType.RegularFile ? ContentOf(files, file.Inode) : file.Data;
                Assert.Equal(node.LinkTarget is { } target ? Encoding.UTF8.GetBytes(target) : ReadAll(node.Content), data);
                string parent = path.Contains('/', StringComparison.Ordinal) ? path[..path.LastIndexOf('/')] : "";
                Assert.True(parent.Length == 0 || inodes.ContainsValue(parent), "A folder comes before what it holds.");
                inodes.TryAdd(file.Inode, path);
            }

            Assert.Empty(expected);
            Assert.Equal(archive, Write(new ApplicationRamdisk { RootFileSystem = root, Program = s_program }));
        }).Check(Config.QuickThrowOnFailure.WithMaxTest(100).WithEndSize(30).WithReplay(new Replay(new Rnd(7, 11), null)));
    }

    [Fact]
    public void Hard_links_share_an_inode_and_the_last_name_has_the_content()
    {
        using var root = new RootFileSystem();
        var shared = FileNode.RegularFile(FileContent.FromMemory("shared"u8.ToArray()));
        root.Set("b", shared);
        root.Set("a", shared);
        root.Set("c/d", shared);
        root.Set("c/e", FileNode.RegularFile(FileContent.FromMemory("own"u8.ToArray())));

        var files = CpioFile.ReadAll(Write(new ApplicationRamdisk { RootFileSystem = root, Program = s_program })).ToDictionary(file =>
            file.Name);

        Assert.Equal(files["rootfs/a"].Inode, files["rootfs/b"].Inode);
        Assert.Equal(files["rootfs/a"].Inode, files["rootfs/c/d"].Inode);
        Assert.Equal([3u, 3u, 3u, 1u], new[] { "a", "b", "c/d", "c/e" }.Select(name => files[$"rootfs/{name}"].Links));
        Assert.Empty(files["rootfs/a"].Data);
        Assert.Empty(files["rootfs/b"].Data);
        Assert.Equal("shared"u8.ToArray(), files["rootfs/c/d"].Data);
        Assert.NotEqual(files["rootfs/a"].Inode, files["rootfs/c/e"].Inode);
    }

    [Theory]
    [InlineData("a\nb")]
    [InlineData("a\0b")]
    public void Entries_that_lines_cannot_carry_are_refused(string entry)
    {
        using var root = new RootFileSystem();

        Assert.Throws<ArgumentException>(() =>
            Write(new ApplicationRamdisk { RootFileSystem = root, Program = new() { Command = [entry] } }));
        Assert.Throws<ArgumentException>(() =>
            Write(new ApplicationRamdisk { RootFileSystem = root, Program = new() { Command = ["a"], Environment = ["A=" + entry] } }));
        Assert.Throws<ArgumentException>(() =>
            Write(new ApplicationRamdisk { RootFileSystem = root, Program = new() { Command = ["a"], WorkingDirectory = "/" + entry } }));
        Assert.Throws<ArgumentException>(() =>
            Write(new ApplicationRamdisk { RootFileSystem = root, Program = new() { Command = ["a"], User = entry } }));
    }

    [Fact]
    public void Programs_that_cannot_start_are_refused()
    {
        using var root = new RootFileSystem();

        Assert.Throws<ArgumentException>(() => Write(new ApplicationRamdisk { RootFileSystem = root, Program = new() { Command = [] } }));
        Assert.Throws<ArgumentException>(() =>
            Write(new ApplicationRamdisk { RootFileSystem = root, Program = new() { Command = ["a"], Environment = ["novalue"] } }));
        Assert.Throws<ArgumentException>(() =>
            Write(new ApplicationRamdisk { RootFileSystem = root, Program = new() { Command = ["a"], Environment = ["=x"] } }));
        Assert.Throws<ArgumentException>(() =>
            Write(new ApplicationRamdisk { RootFileSystem = root, Program = new() { Command = ["a"], WorkingDirectory = "app" } }));
        Assert.Throws<ArgumentException>(() =>
            Write(new ApplicationRamdisk { RootFileSystem = root, Program = new() { Command = ["a"], User = "" } }));
    }

    static byte[] ContentOf(List<CpioFile> files, uint inode) => files.Last(file => file.Inode == inode).Data;

    static byte[] Write(EifSectionContent content)
    {
        using var output = new MemoryStream();
        content.WriteTo(output, TestContext.Current.CancellationToken);
        return output.ToArray();
    }

    static byte[] ReadAll(FileContent content)
    {
        using var input = content.OpenRead();
        byte[] bytes = new byte[content.Length];
        input.ReadExactly(bytes);
        return bytes;
    }
}
