using System.Text;

namespace NitroEnclaves.Images.Tests;

/// <summary>Comparing, taking apart and judging images.</summary>
public sealed class InspectionTests : IDisposable
{
    static readonly DateTimeOffset s_now = FixedTime.OfVectors.GetUtcNow();

    readonly TemporaryFolder _folder = new();

    public void Dispose() => _folder.Dispose();

    [Fact]
    public void Image_does_not_differ_from_itself()
    {
        using var image = Build("a");

        Assert.Empty(EifComparison.Compare(image, image, TestContext.Current.CancellationToken));
    }

    [Fact]
    public void Differences_have_their_names()
    {
        using var left = Build("a");
        using var right = Build("b", commandLine: "console=ttyS0 panic=1 reboot=k", file: "other", name: "renamed", more: true);

        var found = EifComparison.Compare(left, right, TestContext.Current.CancellationToken).ToDictionary(item =>
            (item.Part, item.Subject, item.Left is null));

        Assert.Equal("quiet", found[("command line", "word", false)].Left);
        Assert.Equal("panic=1", found[("command line", "word", true)].Right);
        Assert.Equal(("demo", "renamed"), (found[("metadata", "ImageName", false)].Left, found[("metadata", "ImageName", false)].Right));
        Assert.Equal([0, 2], found[("ramdisk 2", "rootfs/app", false)].Registers);
        Assert.Contains("9 bytes", found[("ramdisk 2", "rootfs/more", true)].Right, StringComparison.Ordinal);
        Assert.Equal(5, found.Count);
    }

    [Fact]
    public void Same_size_and_other_content_is_told_by_digest()
    {
        using var left = Build("a", file: "12345");
        using var right = Build("b", file: "54321");

        var difference = Assert.Single(EifComparison.Compare(left, right, TestContext.Current.CancellationToken));

        Assert.Equal("rootfs/app", difference.Subject);
        Assert.Contains("sha256:", difference.Left, StringComparison.Ordinal);
    }

    [Fact]
    public void Ramdisks_that_are_no_archives_are_compared_as_a_whole()
    {
        using var left = EifFile.Open(Vectors.Image("01_x86_1rd"));
        using var right = EifFile.Open(Vectors.Image("04_x86_tiny"));

        var found = EifComparison.Compare(left, right, TestContext.Current.CancellationToken);

        Assert.Contains(found, item => item is { Part: "kernel", Subject: "" });
        Assert.Contains(found, item => item is { Part: "ramdisk 1", Subject: "" });
        Assert.Contains(found, item => item is { Part: "ramdisk 2", Left: null });
    }

    [Fact]
    public void Certificates_are_compared()
    {
        using var left = EifFile.Open(Vectors.Image("08_p256"));
        using var right = EifFile.Open(Vectors.Image("09_p384"));

        var difference = Assert.Single(EifComparison.Compare(left, right, TestContext.Current.CancellationToken));

        Assert.Equal(("signature", "certificate"), (difference.Part, difference.Subject));
        Assert.Equal([8], difference.Registers);
    }

    [Fact]
    public void Image_comes_apart()
    {
        using var image = Build("a");

        var written = EifExtraction.Extract(image, _folder["out"], TestContext.Current.CancellationToken);

        Assert.Equal(["kernel", "cmdline", "metadata.json", "ramdisk-1", "ramdisk-2", "rootfs.tar"], written.Select(path =>
            Path.GetFileName(path)));
        Assert.Equal("console=ttyS0 quiet reboot=k", File.ReadAllText(_folder["out/cmdline"]));
        using var root = RootFileSystem.FromTar(_folder["out/rootfs.tar"]);
        Assert.NotNull(root.Find("app"));
        Assert.Null(root.Find("rootfs"));
    }

    [Fact]
    public void Good_image_has_nothing_but_notes()
    {
        Build("a").Dispose();

        Assert.All(Validate("a"), finding => Assert.Equal(EifFindingSeverity.Note, finding.Severity));
        Assert.DoesNotContain(Validate("a", memory: 64), finding => finding.Subject == EifFindingSubject.Memory);
    }

    [Fact]
    public void Memory_of_four_times_the_file()
    {
        Build("a").Dispose();

        Assert.Contains(Validate("a", memory: 3), finding =>
            finding is { Severity: EifFindingSeverity.Error, Subject: EifFindingSubject.Memory });
    }

    [Theory]
    [InlineData("40_bad_crc", EifFindingSubject.Checksum)]
    [InlineData("41_bad_magic", EifFindingSubject.Format)]
    [InlineData("01_x86_1rd", EifFindingSubject.Kernel)]
    [InlineData("14_p384_expired", EifFindingSubject.Signature)]
    [InlineData("15_key_cert_mismatch", EifFindingSubject.Signature)]
    [InlineData("53_ramdisk_flip_signed", EifFindingSubject.Signature)]
    public void What_will_not_start(string name, EifFindingSubject subject) => Assert.Contains(
        EifValidation.Validate(Vectors.Image(name), s_now, cancellationToken: TestContext.Current.CancellationToken),
        finding => finding.Severity == EifFindingSeverity.Error && finding.Subject == subject);

    [Fact]
    public void Program_that_is_not_there()
    {
        Build("a", program: "/missing").Dispose();

        Assert.Contains(Validate("a"), finding => finding is { Severity: EifFindingSeverity.Error, Subject: EifFindingSubject.Program });
    }

    IReadOnlyList<EifFinding> Validate(string name, long? memory = null) =>
        EifValidation.Validate(_folder[name + ".eif"], s_now, memory, cancellationToken: TestContext.Current.CancellationToken);

    EifFile Build(
        string fileName, string commandLine = "console=ttyS0 quiet reboot=k", string file = "content!", string name = "demo",
            bool more = false, string program = "/app")
    {
        using var root = new RootFileSystem();
        root.Set("app", FileNode.RegularFile(Content(file), FileModes.Executable));
        if (more)
        {
            root.Set("more", FileNode.RegularFile(Content("more file")));
        }

        new EnclaveImageBuilder
        {
            Kernel = EifSectionContent.FromMemory(TestKernels.BzImage([1, 2, 3])),
            KernelVersion = "6.12.95",
            CommandLine = commandLine,
            Init = Content("init"),
            RootFileSystem = root,
            Program = new() { Command = [program] },
            Name = name,
        }.Build(_folder[fileName + ".eif"], cancellationToken: TestContext.Current.CancellationToken);
        return EifFile.Open(_folder[fileName + ".eif"]);
    }

    static FileContent Content(string text) => FileContent.FromMemory(Encoding.UTF8.GetBytes(text));
}
