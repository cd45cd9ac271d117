using System.Text;

namespace NitroEnclaves.Images.Tests;

public sealed class EnclaveImageBuilderTests : IDisposable
{
    readonly TemporaryFolder _folder = new();

    public void Dispose() => _folder.Dispose();

    [Fact]
    public void Image_holds_what_went_in()
    {
        var measurements = Builder(new RootFileSystem()).Build(_folder["image.eif"]);

        using var image = EifFile.Open(_folder["image.eif"]);
        Assert.Equal(measurements, image.Measure());
        Assert.Equal("kernel", Encoding.UTF8.GetString(Read(image.OpenKernel())));
        Assert.Equal(EnclaveImageBuilder.DefaultCommandLine, image.CommandLine);
        Assert.Equal("demo", image.Metadata!.ImageName);
        Assert.Equal("2017-04-18T16:30:00+00:00", image.Metadata.BuildTime);
        Assert.Equal("6.12.95", image.Metadata.KernelVersion);
        var ramdisks = image.Ramdisks.Select(section => CpioFile.ReadAll(Read(image.OpenSection(section)))).ToList();
        Assert.Equal(["dev", "init", "modules", "modules/00-virtio_mmio.ko", "modules/01-nsm.ko", "nsm.ko"], ramdisks[0].Select(file =>
            file.Name));
        Assert.Equal(0x81EDu, ramdisks[0][1].Mode);
        Assert.Equal("init", Encoding.UTF8.GetString(ramdisks[0][1].Data));
        Assert.Contains(ramdisks[1], file => file.Name == "rootfs/app/service");
    }

    [Fact]
    public void Same_inputs_give_the_same_bytes_wherever_and_whenever_they_lie()
    {
        byte[] first = Build("one", DateTime.UnixEpoch);
        byte[] second = Build("two", DateTime.UtcNow);

        Assert.Equal(first, second);

        byte[] Build(string name, DateTime time)
        {
            Directory.CreateDirectory(_folder[name]);
            string[] files = ["b", "a", "c"];
            foreach (string file in name == "one" ? files : files.Reverse())
            {
                string path = Path.Combine(_folder[name], file);
                File.WriteAllText(path, file);
                File.SetLastWriteTimeUtc(path, time);
            }

            using var root = RootFileSystem.FromFolder(_folder[name]);
            Builder(root).Build(_folder[name + ".eif"]);
            return File.ReadAllBytes(_folder[name + ".eif"]);
        }
    }

    [Fact]
    public void Nothing_is_left_of_a_build_that_fails()
    {
        var builder = Builder(new RootFileSystem(), command: "line\nfeed");

        Assert.Throws<ArgumentException>(() => builder.Build(_folder["image.eif"]));
        Assert.Empty(Directory.GetFileSystemEntries(_folder.Path));
    }

    [Fact]
    public void An_image_that_was_there_stays_when_the_build_is_cancelled()
    {
        File.WriteAllText(_folder["image.eif"], "before");

        Assert.ThrowsAny<OperationCanceledException>(() =>
            Builder(new RootFileSystem()).Build(_folder["image.eif"], cancellationToken: new CancellationToken(true)));
        Assert.Equal("before", File.ReadAllText(_folder["image.eif"]));
        Assert.Single(Directory.GetFileSystemEntries(_folder.Path));
    }

    static EnclaveImageBuilder Builder(RootFileSystem root, string command = "/app/service")
    {
        root.Set("app/service", FileNode.RegularFile(Content("service"), FileModes.Executable));
        return new EnclaveImageBuilder
        {
            Kernel = EifSectionContent.FromMemory("kernel"u8.ToArray()),
            KernelVersion = "6.12.95",
            Init = Content("init"),
            Modules = [("virtio_mmio.ko", Content("m0")), ("nsm.ko", Content("m1"))],
            NsmModule = Content("m1"),
            RootFileSystem = root,
            Program = new() { Command = [command], Environment = ["A=1"] },
            Name = "demo",
        };
    }

    static FileContent Content(string text) => FileContent.FromMemory(Encoding.UTF8.GetBytes(text));

    static byte[] Read(Stream stream)
    {
        using var copy = new MemoryStream();
        stream.CopyTo(copy);
        return copy.ToArray();
    }
}
