using System.Diagnostics;
using System.Net.Sockets;

namespace NitroEnclaves.Images.Tests;

/// <summary>Root file systems from folders of the machine.</summary>
public sealed class FolderTests : IDisposable
{
    readonly TemporaryFolder _folder = new();

    public void Dispose() => _folder.Dispose();

    [Fact]
    public void Types_modes_and_contents()
    {
        Assert.SkipWhen(OperatingSystem.IsWindows(), "Windows has no modes.");
#pragma warning disable CA1416 // The analyzer does not know that skipping ends the test.
        Directory.CreateDirectory(_folder["bin"]);
        File.WriteAllText(_folder["bin/app"], "program");
        File.SetUnixFileMode(_folder["bin/app"], (UnixFileMode)0x9ED);
        File.WriteAllText(_folder[".hidden"], "x");
        File.CreateSymbolicLink(_folder["to-folder"], "bin");
        File.CreateSymbolicLink(_folder["dangling"], "/nowhere/at all");
        File.SetUnixFileMode(_folder["bin"], (UnixFileMode)0x1C9);
#pragma warning restore CA1416

        using var root = RootFileSystem.FromFolder(_folder.Path);

        Assert.Equal([".hidden", "bin", "bin/app", "dangling", "to-folder"], root.Files.Select(file => file.Path));
        Assert.Equal((UnixFileMode)0x9ED, root.Find("bin/app")!.Mode);
        Assert.Equal((UnixFileMode)0x1C9, root.Find("bin")!.Mode);
        Assert.Equal("bin", root.Find("to-folder")!.LinkTarget);
        Assert.Equal("/nowhere/at all", root.Find("dangling")!.LinkTarget);
        using var content = new StreamReader(root.Find("bin/app")!.Content.OpenRead());
        Assert.Equal("program", content.ReadToEnd());
        Assert.All(root.Files, file => Assert.Equal((0u, 0u), (file.Node.UserId, file.Node.GroupId)));
    }

    [Fact]
    public void Hard_links_are_one_node()
    {
        Assert.SkipUnless(OperatingSystem.IsLinux(), "Hard links are only told apart on Linux.");
        File.WriteAllText(_folder["a"], "x");
        Run("ln", _folder["a"], _folder["b"]);
        File.WriteAllText(_folder["c"], "x");

        using var root = RootFileSystem.FromFolder(_folder.Path);

        Assert.Same(root.Find("a"), root.Find("b"));
        Assert.NotSame(root.Find("a"), root.Find("c"));
    }

    [Fact]
    public void Pipes_stay_and_are_not_opened()
    {
        Assert.SkipUnless(OperatingSystem.IsLinux(), "Special files are only told apart on Linux.");
        Run("mkfifo", "-m", "600", _folder["pipe"]);

        using var root = RootFileSystem.FromFolder(_folder.Path);

        Assert.Equal(FileNodeType.Fifo, root.Find("pipe")!.Type);
    }

    [Fact]
    public void Sockets_are_refused()
    {
        Assert.SkipUnless(OperatingSystem.IsLinux(), "Special files are only told apart on Linux.");
        using var socket = new Socket(AddressFamily.Unix, SocketType.Stream, ProtocolType.Unspecified);
        socket.Bind(new UnixDomainSocketEndPoint(_folder["socket"]));

        var error = Assert.Throws<RootFileSystemException>(() => RootFileSystem.FromFolder(_folder.Path));

        Assert.Equal(RootFileSystemError.UnsupportedFileType, error.Reason);
        Assert.Contains(_folder["socket"], error.Message, StringComparison.Ordinal);
    }

    [Fact]
    public void Several_folders_make_one_tree()
    {
        Directory.CreateDirectory(_folder["one"]);
        Directory.CreateDirectory(_folder["two"]);
        File.WriteAllText(_folder["one/x"], "1");
        File.WriteAllText(_folder["two/y"], "2");
        using var root = RootFileSystem.FromFolder(_folder["one"]);

        root.AddFolder("usr/share/app", _folder["two"]);

        Assert.Equal(["usr", "usr/share", "usr/share/app", "usr/share/app/y", "x"], root.Files.Select(file => file.Path));
    }

    [Fact]
    public void Content_that_changes_meanwhile_is_noticed()
    {
        File.WriteAllText(_folder["a"], "x");
        using var root = RootFileSystem.FromFolder(_folder.Path);
        File.WriteAllText(_folder["a"], "longer");

        Assert.Throws<IOException>(() => root.Find("a")!.Content.OpenRead());
    }

    [Fact]
    public void Missing_folder() => Assert.ThrowsAny<IOException>(() => RootFileSystem.FromFolder(_folder["missing"]));

    static void Run(string program, params string[] arguments)
    {
        using var process = Process.Start(program, arguments);
        process.WaitForExit();
        Assert.Equal(0, process.ExitCode);
    }
}
