using System.Diagnostics;
using System.Formats.Tar;
using System.Text;

namespace NitroEnclaves.Images.Tests;

/// <summary>Tar archives of other programs: .NET's writer in its formats, GNU tar with sparse files.</summary>
public sealed class TarTests : IDisposable
{
    readonly TemporaryFolder _folder = new();

    public void Dispose() => _folder.Dispose();

    [Theory]
    [InlineData(TarEntryFormat.V7)]
    [InlineData(TarEntryFormat.Ustar)]
    [InlineData(TarEntryFormat.Gnu)]
    [InlineData(TarEntryFormat.Pax)]
    public void Formats(TarEntryFormat format)
    {
        string path = Write(format,
            Entry(format, System.Formats.Tar.TarEntryType.Directory, "d/", mode: 0x1C9),
            Entry(format, System.Formats.Tar.TarEntryType.RegularFile, "d/f", "content", mode: 0x9ED, uid: 1000, gid: 42),
            Entry(format, System.Formats.Tar.TarEntryType.SymbolicLink, "s", link: "d/f"),
            Entry(format, System.Formats.Tar.TarEntryType.HardLink, "h", link: "d/f"));

        using var root = RootFileSystem.FromTar(path);

        Assert.Equal(["d", "d/f", "h", "s"], root.Files.Select(file => file.Path));
        Assert.Equal((UnixFileMode)0x1C9, root.Find("d")!.Mode);
        Assert.Equal(((UnixFileMode)0x9ED, 1000u, 42u), (root.Find("d/f")!.Mode, root.Find("d/f")!.UserId, root.Find("d/f")!.GroupId));
        Assert.Equal("content", Text(root.Find("d/f")!));
        Assert.Same(root.Find("d/f"), root.Find("h"));
        Assert.Equal("d/f", root.Find("s")!.LinkTarget);
        Assert.Equal(new DateTimeOffset(2020, 1, 2, 3, 4, 5, TimeSpan.Zero), root.Find("d/f")!.ModificationTime);
    }

    [Theory]
    [InlineData(TarEntryFormat.Gnu)]
    [InlineData(TarEntryFormat.Pax)]
    public void Long_names_and_targets(TarEntryFormat format)
    {
        string name = string.Join('/', Enumerable.Repeat("ünï-" + new string('x', 90), 12));
        string path = Write(format,
            Entry(format, System.Formats.Tar.TarEntryType.RegularFile, name, "1"),
            Entry(format, System.Formats.Tar.TarEntryType.SymbolicLink, "s", link: name));

        using var root = RootFileSystem.FromTar(path);

        Assert.Equal("1", Text(root.Find(name)!));
        Assert.Equal(name, root.Find("s")!.LinkTarget);
    }

    [Fact]
    public void Devices_and_pipes()
    {
        var device = (PosixTarEntry)Entry(TarEntryFormat.Pax, System.Formats.Tar.TarEntryType.CharacterDevice, "dev/null");
        device.DeviceMajor = 1;
        device.DeviceMinor = 3;
        string path = Write(TarEntryFormat.Pax, device, Entry(TarEntryFormat.Pax, System.Formats.Tar.TarEntryType.Fifo, "pipe"));

        using var root = RootFileSystem.FromTar(path);

        Assert.Equal((FileNodeType.CharacterDevice, 1u, 3u),
            (root.Find("dev/null")!.Type, root.Find("dev/null")!.DeviceMajor, root.Find("dev/null")!.DeviceMinor));
        Assert.Equal(FileNodeType.Fifo, root.Find("pipe")!.Type);
    }

    [Theory]
    [InlineData("gnu", "0.0")]
    [InlineData("posix", "0.0")]
    [InlineData("posix", "0.1")]
    [InlineData("posix", "1.0")]
    public void Sparse_files(string format, string version)
    {
        Assert.SkipUnless(OperatingSystem.IsLinux() && File.Exists("/bin/tar"), "There is no GNU tar.");
        byte[] content = new byte[2_000_000];
        var random = new Random(4);
        using (var file = File.Create(_folder["sparse"]))
        {
            file.SetLength(content.Length);
            for (int i = 0; i < 30; i++)
            {
                int offset = (i * 65536) + 4096;
                random.NextBytes(content.AsSpan(offset, 5000));
                file.Position = offset;
                file.Write(content, offset, 5000);
            }
        }

        File.WriteAllText(_folder["after"], "after");
        Run("/bin/tar", "-C", _folder.Path, $"--format={format}", "--sparse", "--hole-detection=raw", $"--sparse-version={version}", "-cf",
            _folder["out.tar"], "sparse", "after");
        Assert.True(new FileInfo(_folder["out.tar"]).Length < 400_000);

        using var root = RootFileSystem.FromTar(_folder["out.tar"]);

        Assert.Equal(content, Bytes(root.Find("sparse")!));
        Assert.Equal("after", Text(root.Find("after")!));
    }

    [Theory]
    [InlineData("gzip")]
    [InlineData("zstd")]
    [InlineData("xz")]
    public void Packed_archives(string program)
    {
        string path = Write(TarEntryFormat.Pax, Entry(TarEntryFormat.Pax, System.Formats.Tar.TarEntryType.RegularFile, "a", "content"));
        Assert.SkipUnless(OperatingSystem.IsLinux()
            && (File.Exists($"/bin/{program}") || File.Exists($"/usr/bin/{program}")), $"There is no {program}.");
        Run(program, path);
        string packed = path + program switch { "gzip" => ".gz", "zstd" => ".zst", _ => ".xz" };

        using var root = RootFileSystem.FromTar(packed);

        Assert.Equal("content", Text(root.Find("a")!));
    }

    [Fact]
    public void Names_that_are_not_utf8_survive()
    {
        byte[] archive = File.ReadAllBytes(Write(TarEntryFormat.V7,
            Entry(TarEntryFormat.V7, System.Formats.Tar.TarEntryType.RegularFile, "abcd", "1")));
        archive[1] = 0xff;
        FixChecksum(archive);
        File.WriteAllBytes(_folder["odd.tar"], archive);
        using var root = RootFileSystem.FromTar(_folder["odd.tar"]);
        using var output = new MemoryStream();

        new ApplicationRamdisk { RootFileSystem = root, Program = new() { Command = ["a"] } }.WriteTo(output,
            TestContext.Current.CancellationToken);

        Assert.Equal("a\uDCFFcd", root.Files.First().Path);
        byte[] name = [.. "rootfs/a"u8, 0xff, .. "cd\0"u8];
        Assert.True(output.ToArray().AsSpan().IndexOf(name) > 0);
    }

    [Theory]
    [InlineData("../x", RootFileSystemError.InvalidPath)]
    [InlineData("a/../../x", RootFileSystemError.InvalidPath)]
    public void Ways_out(string name, RootFileSystemError reason) =>
        AssertRefused(reason, Write(TarEntryFormat.Pax, Entry(TarEntryFormat.Pax, System.Formats.Tar.TarEntryType.RegularFile, name, "1")));

    [Fact]
    public void Absolute_names_and_links_stay_within()
    {
        using var root = RootFileSystem.FromTar(Write(TarEntryFormat.Pax,
            Entry(TarEntryFormat.Pax, System.Formats.Tar.TarEntryType.SymbolicLink, "out", link: "/../../etc"),
            Entry(TarEntryFormat.Pax, System.Formats.Tar.TarEntryType.RegularFile, "/out/passwd", "1")));

        Assert.Equal(["etc", "etc/passwd", "out"], root.Files.Select(file => file.Path));
    }

    [Fact]
    public void Hard_link_to_nothing() => AssertRefused(
        RootFileSystemError.InvalidHardLink,
        Write(TarEntryFormat.Pax, Entry(TarEntryFormat.Pax, System.Formats.Tar.TarEntryType.HardLink, "h", link: "missing")));

    [Fact]
    public void Truncated()
    {
        byte[] archive = File.ReadAllBytes(Write(TarEntryFormat.Pax,
            Entry(TarEntryFormat.Pax, System.Formats.Tar.TarEntryType.RegularFile, "a", new string('x', 3000))));
        int end = archive.Length - 1024;
        foreach (int length in new[] { 1, 511, 513, 1500, end - 600 })
        {
            File.WriteAllBytes(_folder["cut.tar"], archive[..length]);
            AssertRefused(RootFileSystemError.MalformedArchive, _folder["cut.tar"]);
        }
    }

    [Fact]
    public void Broken_archives_have_one_kind_of_error()
    {
        byte[] archive = File.ReadAllBytes(Write(TarEntryFormat.Pax,
            Entry(TarEntryFormat.Pax, System.Formats.Tar.TarEntryType.Directory, "d/"),
            Entry(TarEntryFormat.Pax, System.Formats.Tar.TarEntryType.RegularFile, "d/" + new string('n', 200), new string('x', 700)),
            Entry(TarEntryFormat.Pax, System.Formats.Tar.TarEntryType.HardLink, "h", link: "d/" + new string('n', 200))));
        var random = new Random(10);
        for (int i = 0; i < 20_000; i++)
        {
            byte[] broken = [.. archive];
            for (int n = random.Next(4); n >= 0; n--)
            {
                broken[random.Next(broken.Length)] = random.Next(3) == 0 ? (byte)random.Next(256)
                    : (byte)"0123456789=\n \0/.xgLKS"[random.Next(21)];
            }

            for (int block = 0; block < broken.Length; block += 512)
            {
                if (random.Next(10) > 0)
                {
                    FixChecksum(broken.AsSpan(block, 512));
                }
            }

            using var root = new RootFileSystem();
            try
            {
                root.AddLayer(ByteSource.FromMemory(broken), TestContext.Current.CancellationToken);
                foreach (var (_, node) in root.Files)
                {
                    Assert.InRange(node.Content.Length, 0, broken.Length);
                }
            }
            catch (RootFileSystemException)
            {
            }
        }
    }

    void AssertRefused(RootFileSystemError reason, string path) =>
        Assert.Equal(reason, Assert.Throws<RootFileSystemException>(() => RootFileSystem.FromTar(path)).Reason);

    string Write(TarEntryFormat format, params System.Formats.Tar.TarEntry[] entries)
    {
        using var file = File.Create(_folder["in.tar"]);
        using var writer = new TarWriter(file, format);
        foreach (var entry in entries)
        {
            writer.WriteEntry(entry);
        }

        return file.Name;
    }

    internal static System.Formats.Tar.TarEntry Entry(
        TarEntryFormat format, System.Formats.Tar.TarEntryType type, string name, string? content = null, string? link = null,
            int mode = 0x1A4, int uid = 0, int gid = 0)
    {
        if (format == TarEntryFormat.V7 && type == System.Formats.Tar.TarEntryType.RegularFile)
        {
            type = System.Formats.Tar.TarEntryType.V7RegularFile;
        }

        System.Formats.Tar.TarEntry entry = format switch
        {
            TarEntryFormat.V7 => new V7TarEntry(type, name),
            TarEntryFormat.Ustar => new UstarTarEntry(type, name),
            TarEntryFormat.Gnu => new GnuTarEntry(type, name),
            _ => new PaxTarEntry(type, name),
        };
        entry.Mode = (UnixFileMode)mode;
        entry.Uid = uid;
        entry.Gid = gid;
        entry.ModificationTime = new DateTimeOffset(2020, 1, 2, 3, 4, 5, TimeSpan.Zero);
        if (link is not null)
        {
            entry.LinkName = link;
        }

        if (content is not null)
        {
            entry.DataStream = new MemoryStream(Encoding.UTF8.GetBytes(content));
        }

        return entry;
    }

    static void FixChecksum(Span<byte> header)
    {
        header.Slice(148, 8).Fill((byte)' ');
        int sum = 0;
        foreach (byte value in header[..512])
        {
            sum += value;
        }

        Encoding.ASCII.GetBytes(Convert.ToString(sum, 8).PadLeft(6, '0') + "\0 ").CopyTo(header[148..]);
    }

    static string Text(FileNode node) => Encoding.UTF8.GetString(Bytes(node));

    static byte[] Bytes(FileNode node)
    {
        using var stream = node.Content.OpenRead();
        using var copy = new MemoryStream();
        stream.CopyTo(copy);
        return copy.ToArray();
    }

    static void Run(string program, params string[] arguments)
    {
        using var process = Process.Start(program, arguments);
        process.WaitForExit();
        Assert.Equal(0, process.ExitCode);
    }
}
