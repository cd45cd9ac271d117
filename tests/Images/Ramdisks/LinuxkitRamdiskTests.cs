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
    public void Application(string name) => AssertSame($"customer-{name}", new NitroCliApplicationRamdisk { ExportPath = Input($"{name}.tar"), Program = s_program });

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
