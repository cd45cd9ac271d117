using System.IO.Compression;

namespace NitroEnclaves.Images.Tests;

public sealed class LinuxKernelImageTests
{
    static readonly byte[] s_elf = TestKernels.Elf();

    [Fact]
    public void Version_and_release()
    {
        var kernel = LinuxKernelImage.Read(new MemoryStream(TestKernels.BzImage([0])));

        Assert.Equal(KernelFormat.BzImage, kernel.Format);
        Assert.Equal(TestKernels.Version, kernel.Version);
        Assert.Equal("6.12.95-test", kernel.Release);
    }

    [Fact]
    public void Gzip()
    {
        using var packed = new MemoryStream();
        using (var gzip = new GZipStream(packed, CompressionLevel.Optimal, leaveOpen: true))
        {
            gzip.Write(s_elf);
        }

        AssertExtracted(packed.ToArray());
    }

    [Fact]
    public void Zstandard()
    {
        Assert.SkipUnless(ZstandardStream.IsSupported, "There is no libzstd.");
        AssertExtracted(TestKernels.WithSize(TestKernels.Zstandard(s_elf), s_elf.Length));
    }

    [Fact]
    public void Lz4() => AssertExtracted(TestKernels.WithSize(TestKernels.Lz4(s_elf), s_elf.Length));

    [Fact]
    public void Not_packed() => AssertExtracted(TestKernels.WithSize(s_elf, s_elf.Length));

    [Fact]
    public void Kernel_within_a_longer_stream()
    {
        using var stream = new MemoryStream([.. new byte[777], .. TestKernels.BzImage(TestKernels.WithSize(s_elf, s_elf.Length))]);
        stream.Position = 777;
        using var output = new MemoryStream();

        Assert.Equal(KernelExtraction.Extracted, LinuxKernelImage.Read(stream).Extract(output, TestContext.Current.CancellationToken));
        Assert.Equal(s_elf, output.ToArray());
    }

    [Theory]
    [InlineData(-1)]
    [InlineData(1)]
    public void Size_that_does_not_fit(int difference) =>
        Assert.Equal(KernelExtraction.Malformed, Extract(TestKernels.WithSize(TestKernels.Lz4(s_elf), s_elf.Length + difference)));

    [Theory]
    [InlineData(0)]
    [InlineData(-1)]
    [InlineData(LinuxKernelImage.MaxExtractedSize + 1)]
    public void Size_beyond_reason(int size) =>
        Assert.Equal(KernelExtraction.Malformed, Extract(TestKernels.WithSize(TestKernels.Lz4(s_elf), size)));

    [Fact]
    public void Payload_that_is_no_kernel() =>
        Assert.Equal(KernelExtraction.Malformed, Extract(TestKernels.WithSize(TestKernels.Lz4(new byte[5000]), 5000)));

    [Fact]
    public void Unknown_compression() =>
        Assert.Equal(KernelExtraction.UnknownCompression, Extract([0x89, 0x4c, 0x5a, 0x4f, 1, 2, 3, 4, 5, 6, 7, 8]));

    [Fact]
    public void Broken_payloads_never_throw()
    {
        var random = new Random(5);
        byte[][] payloads =
        [
            TestKernels.WithSize(TestKernels.Lz4(s_elf), s_elf.Length),
            .. ZstandardStream.IsSupported ? [TestKernels.WithSize(TestKernels.Zstandard(s_elf), s_elf.Length)] : Array.Empty<byte[]>(),
        ];
        foreach (byte[] payload in payloads)
        {
            for (int i = 0; i < 2000; i++)
            {
                byte[] broken = [.. payload[..random.Next(9, payload.Length)], .. payload[^4..]];
                broken[random.Next(broken.Length)] ^= (byte)(1 << random.Next(8));
                Extract(broken);
            }
        }
    }

    [Fact]
    public void Other_formats()
    {
        byte[] arm = new byte[1024];
        "ARM\x64"u8.CopyTo(arm.AsSpan(0x38));

        Assert.Equal(KernelFormat.Arm64Image, LinuxKernelImage.Read(new MemoryStream(arm)).Format);
        Assert.Equal(KernelFormat.Elf, LinuxKernelImage.Read(new MemoryStream(s_elf)).Format);
        Assert.Equal(KernelFormat.Unknown, LinuxKernelImage.Read(new MemoryStream([1, 2, 3])).Format);
        Assert.Equal(KernelExtraction.NothingToExtract,
            LinuxKernelImage.Read(new MemoryStream(s_elf)).Extract(Stream.Null, TestContext.Current.CancellationToken));
    }

    [Fact]
    public void Pvh_entry()
    {
        Assert.Equal(0x1000370u, ElfKernel.FindPvhEntry(new MemoryStream(s_elf)));
        Assert.Null(ElfKernel.FindPvhEntry(new MemoryStream(new byte[100])));
    }

    [Fact]
    public void Broken_elf_headers_never_throw()
    {
        var random = new Random(6);
        for (int i = 0; i < 20_000; i++)
        {
            byte[] broken = [.. s_elf];
            for (int n = 0; n < 3; n++)
            {
                broken[random.Next(20, 260)] = (byte)random.Next(256);
            }

            ElfKernel.FindPvhEntry(new MemoryStream(broken));
        }
    }

    static void AssertExtracted(byte[] payload)
    {
        using var output = new MemoryStream();
        var kernel = LinuxKernelImage.Read(new MemoryStream(TestKernels.BzImage(payload)));

        Assert.Equal(KernelExtraction.Extracted, kernel.Extract(output, TestContext.Current.CancellationToken));
        Assert.Equal(s_elf, output.ToArray());
    }

    static KernelExtraction Extract(byte[] payload) =>
        LinuxKernelImage.Read(new MemoryStream(TestKernels.BzImage(payload))).Extract(Stream.Null, TestContext.Current.CancellationToken);
}
