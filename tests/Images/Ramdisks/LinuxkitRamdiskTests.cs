namespace NitroEnclaves.Images.Tests;

/// <summary>The ramdisks that linuxkit made for nitro-cli (<c>tests/vectors/eif/ramdisk</c>) come out byte for byte.</summary>
public sealed class LinuxkitRamdiskTests
{
    static readonly ProgramDescription s_program = new()
    {
        Command = File.ReadAllLines(Input("cmd")),
        Environment = File.ReadAllLines(Input("env")),
    };

    [Fact]
    public void Bootstrap() => AssertSame("bootstrap", new NitroCliBootstrapRamdisk
    {
        Init = FileContent.FromFile(Input("init")),
        NsmModule = FileContent.FromFile(Input("nsm.ko")),
    });

    [Theory]
    [InlineData("full")]
    [InlineData("scratch")]
    public void Application(string name) =>
        AssertSame($"customer-{name}", new NitroCliApplicationRamdisk { ExportPath = Input($"{name}.tar"), Program = s_program });

    [Fact]
    public void Application_from_the_files_that_an_export_would_show()
    {
        using var root = RootFileSystem.FromTar(Input("full.tar"));

        AssertSame("customer-full", new NitroCliApplicationRamdisk { RootFileSystem = root, Program = s_program });
    }

    [Fact]
    public void Files_that_docker_makes_are_made_up_where_the_image_lacks_them()
    {
        using var root = RootFileSystem.FromTar(Input("scratch.tar"));
        using var output = new MemoryStream();

        new NitroCliApplicationRamdisk { RootFileSystem = root, Program = s_program }.WriteTo(output,
            TestContext.Current.CancellationToken);

        var files = CpioFile.ReadAll(output.ToArray());
        Assert.Equal(
            ["rootfs", "rootfs/app", "rootfs/dev/", "rootfs/dev/pts/", "rootfs/dev/shm/", "rootfs/etc/", "rootfs/etc/hosts",
                "rootfs/etc/mtab", "rootfs/etc/resolv.conf", "rootfs/proc/", "rootfs/sys/"],
            files.Take(11).Select(file => file.Name));
        Assert.Equal(160, files[6].Data.Length);
        Assert.Equal(0x81EDu, files[6].Mode);
    }

    [Fact]
    public void Files_have_one_source() =>
        Assert.Throws<ArgumentException>(() =>
            new NitroCliApplicationRamdisk { Program = s_program }.WriteTo(Stream.Null, TestContext.Current.CancellationToken));

    [Fact]
    public void Working_directory_has_no_place() => Assert.Throws<ArgumentException>(() => new NitroCliApplicationRamdisk
    {
        ExportPath = Input("scratch.tar"),
        Program = new() { Command = ["a"], WorkingDirectory = "/" },
    }.WriteTo(Stream.Null, TestContext.Current.CancellationToken));

    static void AssertSame(string name, EifSectionContent ramdisk)
    {
        using var output = new MemoryStream();
        ramdisk.WriteTo(output, TestContext.Current.CancellationToken);

        Assert.Equal(File.ReadAllBytes(TestVectors.Own("eif", "ramdisk", "out", $"{name}-initrd.img")), output.ToArray());
    }

    static string Input(string name) => TestVectors.Own("eif", "ramdisk", "in", name);
}
