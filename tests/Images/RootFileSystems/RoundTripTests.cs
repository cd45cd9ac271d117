using System.Diagnostics;
using System.Text;
using FsCheck;
using FsCheck.Fluent;

namespace NitroEnclaves.Images.Tests;

/// <summary>Trees through ramdisks, archives and folders and back.</summary>
public sealed class RoundTripTests : IDisposable
{
    readonly TemporaryFolder _folder = new();

    public void Dispose() => _folder.Dispose();

    [Fact]
    public void Ramdisk() => Check(tree =>
    {
        using var output = new MemoryStream();
        var archive = new ReproducibleArchive(output, DateTimeOffset.UnixEpoch);
        archive.AddTree("", tree, TestContext.Current.CancellationToken);
        archive.Finish();
        var read = new RootFileSystem();
        read.AddRamdisk(ByteSource.FromMemory(output.ToArray()), TestContext.Current.CancellationToken);
        return read;
    });

    [Fact]
    public void Tar() => Check(tree =>
    {
        using var output = new MemoryStream();
        tree.WriteTar(output, TestContext.Current.CancellationToken);
        var read = new RootFileSystem();
        read.AddLayer(ByteSource.FromMemory(output.ToArray()), TestContext.Current.CancellationToken);
        return read;
    }, maxId: int.MaxValue);

    [Fact]
    public void Folder()
    {
        using var tree = new RootFileSystem();
        tree.Set("bin/app", FileNode.RegularFile(FileContent.FromMemory("x"u8.ToArray()), FileModes.Executable));
        tree.Set("lib", FileNode.SymbolicLink("/etc"));
        tree.Set("closed/x", FileNode.RegularFile(FileContent.FromMemory("y"u8.ToArray()), 0));
        tree.Set("closed", FileNode.Directory((UnixFileMode)0x140));
        tree.Set("dev/null", new FileNode { Type = FileNodeType.CharacterDevice, Mode = FileModes.All, DeviceMajor = 1, DeviceMinor = 3 });

        var left = tree.WriteFolder(_folder["out"], TestContext.Current.CancellationToken);

        Assert.Equal(["dev/null"], left);
        using var read = RootFileSystem.FromFolder(_folder["out"]);
        Assert.Equal(tree.Files.Where(file => file.Path != "dev/null").Select(Describe), read.Files.Select(Describe));
        Assert.Throws<IOException>(() => tree.WriteFolder(_folder["out"], TestContext.Current.CancellationToken));
    }

    [Fact]
    public void Broken_ramdisks_have_one_kind_of_error()
    {
        using var tree = new RootFileSystem();
        tree.Set("d/file", FileNode.RegularFile(FileContent.FromMemory(new byte[100])));
        tree.Set("d/link", FileNode.SymbolicLink("file"));
        tree.Set("d/hard", tree.Find("d/file")!);
        using var output = new MemoryStream();
        var archive = new ReproducibleArchive(output, DateTimeOffset.UnixEpoch);
        archive.AddTree("", tree, TestContext.Current.CancellationToken);
        archive.Finish();
        var random = new Random(12);
        for (int i = 0; i < 20_000; i++)
        {
            byte[] broken = output.ToArray();
            for (int n = random.Next(4); n >= 0; n--)
            {
                broken[random.Next(broken.Length)] = random.Next(3) == 0 ? (byte)random.Next(256)
                    : (byte)"0123456789abcdefF/.\0"[random.Next(20)];
            }

            using var read = new RootFileSystem();
            try
            {
                read.AddRamdisk(ByteSource.FromMemory(broken.AsMemory(0, random.Next(broken.Length + 1))),
                    TestContext.Current.CancellationToken);
            }
            catch (RootFileSystemException)
            {
            }
        }
    }

    [Fact]
    public void Cpio_of_another_program_reads_ours()
    {
        using var tree = new RootFileSystem();
        tree.Set("a/b", FileNode.RegularFile(FileContent.FromMemory("content"u8.ToArray())));
        tree.Set("a/c", tree.Find("a/b")!);
        using (var output = File.Create(_folder["x.cpio"]))
        {
            var archive = new ReproducibleArchive(output, DateTimeOffset.UnixEpoch);
            archive.AddTree("", tree, TestContext.Current.CancellationToken);
            archive.Finish();
        }

        Run(Run(Path.Combine(TestVectors.Root, "eng", "cpio")).Trim(), "-idm", "--quiet", "-F", _folder["x.cpio"], "-D", _folder.Path);

        Assert.Equal("content", File.ReadAllText(_folder["a/b"]));
        Assert.Equal("content", File.ReadAllText(_folder["a/c"]));
    }

    static string Run(string program, params string[] arguments)
    {
        using var process = Process.Start(new ProcessStartInfo(program, arguments) { RedirectStandardOutput = true })!;
        string output = process.StandardOutput.ReadToEnd();
        process.WaitForExit();
        Assert.True(process.ExitCode == 0, $"{program} ended with exit code {process.ExitCode}; run it by hand to see why.");
        return output;
    }

    static void Check(Func<RootFileSystem, RootFileSystem> roundTrip, uint maxId = uint.MaxValue) =>
        Prop.ForAll(TestTrees.Arbitrary, files =>
        {
            using var tree = new RootFileSystem();
            foreach (var (path, node) in files.Where(file => file.Node.UserId <= maxId && file.Node.GroupId <= maxId))
            {
                try
                {
                    tree.Set(path, node);
                }
                catch (RootFileSystemException)
                {
                    // Without the files left out, a way may lead elsewhere.
                }
            }

            using var read = roundTrip(tree);
            Assert.Equal(tree.Files.Select(Describe), read.Files.Select(Describe));
        }).Check(Config.QuickThrowOnFailure.WithMaxTest(50).WithEndSize(25).WithReplay(new Replay(new Rnd(13, 17), null)));

    static string Describe((string Path, FileNode Node) file)
    {
        var node = file.Node;
        byte[] content = new byte[node.Content.Length];
        using var stream = node.Content.OpenRead();
        stream.ReadExactly(content);
        return $"{file.Path} {node.Type} {node.Mode} {node.UserId}:{node.GroupId} {node.DeviceMajor},{node.DeviceMinor} {node.LinkTarget} {Encoding.Latin1.GetString(content)}";
    }
}
