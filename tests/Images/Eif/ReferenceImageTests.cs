using System.Security.Cryptography;
using System.Text.Json;

namespace NitroEnclaves.Images.Tests;

/// <summary>Images made by the reference: read with their measurements, and made again byte for byte.</summary>
public sealed class ReferenceImageTests
{
    public static TheoryData<string> UnsignedBuilds => [.. Vectors.UnsignedBuilds];

    [Theory]
    [MemberData(nameof(UnsignedBuilds))]
    public void Unsigned_image_reads_back_with_its_measurements(string name)
    {
        using var image = EifFile.Open(Vectors.Image(name));

        var scan = image.Scan();

        Assert.True(scan.CrcMatches);
        image.CheckChecksum(TestContext.Current.CancellationToken);
        Assert.Equal(Vectors.Registers(name).GetProperty("crc32").GetString(), scan.Crc32.ToString("x8"));
        Assert.Equal(Vectors.Register(name, "PCR0"), scan.Measurements.Pcr0);
        Assert.Equal(Vectors.Register(name, "PCR1"), scan.Measurements.Pcr1);
        Assert.Equal(Vectors.Register(name, "PCR2"), scan.Measurements.Pcr2);
        Assert.Null(scan.Measurements.Pcr8);
        Assert.False(image.IsSigned);
    }

    [Theory]
    [MemberData(nameof(UnsignedBuilds))]
    public void Same_inputs_give_the_bytes_of_the_reference(string name)
    {
        var arguments = Vectors.BuildArguments(name);
        string? Value(string option) => arguments.LastOrDefault(argument => argument.Option == option).Value;
        string kernel = Value("--kernel")!;
        using var reference = EifFile.Open(Vectors.Image(name));
        bool fromKernelConfig = Value("--kernel_config") is not null;
        var builder = new EifBuilder
        {
            Kernel = EifSectionContent.FromFile(TestVectors.Own("eif", kernel)),
            CommandLine = Value("--cmdline")!,
            Ramdisks = [.. arguments.Where(argument => argument.Option == "--ramdisk").Select(argument =>
                EifSectionContent.FromFile(TestVectors.Own("eif", argument.Value)))],
            Metadata = new EifMetadata
            {
                ImageName = Value("--name") ?? Path.GetFileName(kernel),
                // eif_build puts the name where the version belongs.
                ImageVersion = Value("--name") ?? "1.0",
                // With a kernel configuration the reference takes the clock, so the time comes from its file.
                BuildTime = fromKernelConfig ? reference.Metadata!.BuildTime : Value("--build-time")!,
                BuildTool = Value("--build-tool") ?? "eif_build",
                BuildToolVersion = Value("--build-tool-version") ?? "0.3.1",
                OperatingSystem = Value("--img-os") ?? (fromKernelConfig ? "Linux" : "OS"),
                KernelVersion = Value("--img-kernel") ?? (fromKernelConfig ? "6.6.79" : "kernel"),
                CustomMetadata = Value("--metadata") is { } path
                    ? JsonDocument.Parse(File.ReadAllBytes(TestVectors.Own("eif", path))).RootElement : null,
            },
        };
        using var output = new MemoryStream();

        var measurements = builder.Write(output);

        Assert.Equal(Vectors.ReadImage(name), output.ToArray());
        Assert.Equal(Vectors.Register(name, "PCR0"), measurements.Pcr0);
        Assert.Equal(Vectors.Register(name, "PCR1"), measurements.Pcr1);
        Assert.Equal(Vectors.Register(name, "PCR2"), measurements.Pcr2);
        Assert.Equal(Vectors.Registers(name).GetProperty("sha256").GetString(),
            Convert.ToHexStringLower(SHA256.HashData(output.ToArray())));
    }

    [Fact]
    public void Sections_hold_the_inputs()
    {
        using var image = EifFile.Open(Vectors.Image("02_x86_2rd"));

        Assert.Equal(
            [EifSectionType.Kernel, EifSectionType.CommandLine, EifSectionType.Metadata, EifSectionType.Ramdisk, EifSectionType.Ramdisk],
            image.Sections.Select(section => section.Type));
        Assert.Equal(File.ReadAllBytes(TestVectors.Own("eif", "inputs", "kernel_a.bin")), ReadAll(image.OpenKernel()));
        Assert.Equal(File.ReadAllBytes(TestVectors.Own("eif", "inputs", "ramdisk_app.bin")),
            ReadAll(image.OpenSection(image.Ramdisks.Last())));
        Assert.StartsWith("reboot=k panic=30 pci=off", image.CommandLine, StringComparison.Ordinal);
        Assert.Equal(EifArchitecture.X64, image.Architecture);
        Assert.Equal("kernel_a.bin", image.Metadata!.ImageName);
        Assert.Equal("2024-01-02T03:04:05.678901234+00:00", image.Metadata.BuildTime);
        Assert.Null(image.Metadata.CustomMetadata);
    }

    static byte[] ReadAll(Stream stream)
    {
        using var copy = new MemoryStream();
        stream.CopyTo(copy);
        return copy.ToArray();
    }
}
