using System.Buffers.Binary;

namespace NitroEnclaves.Images.Tests;

/// <summary>Every way in which a file can break the format is refused for its own reason, at its own place.</summary>
public sealed class StrictReadingTests
{
    // Section headers of 02_x86_2rd: kernel, command line, metadata, ramdisk, ramdisk.
    static readonly EifSection[] s_sections = Sections();

    [Theory]
    [InlineData("40_bad_crc", EifError.CrcMismatch, 0x220)]
    [InlineData("41_bad_magic", EifError.BadMagic, 0)]
    [InlineData("42_version_99", EifError.UnsupportedVersion, 4)]
    [InlineData("43_section_type_6", EifError.InvalidSectionType, 548)]
    [InlineData("46_truncated_header", EifError.TruncatedHeader, 500)]
    [InlineData("47_trailing_11_bytes", EifError.TrailingBytes, 59656)]
    [InlineData("50_header_only", EifError.TruncatedSection, 0x11c)]
    [InlineData("53_ramdisk_flip_signed", EifError.CrcMismatch, 0x220)]
    public void Mutations_of_the_golden_set(string name, EifError reason, long offset)
    {
        var error = Assert.Throws<EifException>(() => Read(Vectors.ReadImage(name)));

        Assert.Equal(reason, error.Reason);
        Assert.Equal(offset, error.Offset);
    }

    [Theory]
    [InlineData(0x1f0)]
    [InlineData(548 + 3)]
    [InlineData(59656 - 1)]
    public void A_changed_byte_shows_in_the_checksum_alone_as_in_the_whole_pass(int offset)
    {
        var image = Vectors.ReadImage("02_x86_2rd");
        image[offset] ^= 1;
        var whole = Record.Exception(() => Read(image)) as EifException;
        if (whole is { Reason: not EifError.CrcMismatch })
        {
            // The header and the sections' headers have rules of their own, which are looked at first.
            return;
        }

        using var file = EifFile.Parse(image);
        Assert.Equal(whole!.Message, Assert.Throws<EifException>(() => file.CheckChecksum(TestContext.Current.CancellationToken)).Message);
    }

    [Theory]
    [InlineData("45_truncated_mid_section", EifError.TruncatedSection)]
    [InlineData("49_num_sections_wrong", EifError.ReservedNotZero)]
    [InlineData("51_bad_metadata", EifError.InvalidMetadata)]
    [InlineData("55_metadata_last", EifError.SectionTableMismatch)]
    public void Mutations_of_the_golden_set_at_computed_places(string name, EifError reason) =>
        Assert.Equal(reason, Assert.Throws<EifException>(() => Read(Vectors.ReadImage(name))).Reason);

    [Fact]
    public void Flags() => AssertRefused(EifError.UnknownFlags, 6, image => image[6] = 0x80);

    [Fact]
    public void Aarch64_flag_is_known()
    {
        byte[] image = Vectors.ReadImage("02_x86_2rd");
        image[7] = 1;
        using var file = EifFile.Parse(image);

        Assert.Equal(EifArchitecture.Arm64, file.Architecture);
    }

    [Fact]
    public void Reserved_field() => AssertRefused(EifError.ReservedNotZero, 0x18, image => image[0x19] = 1);

    [Fact]
    public void Unused_field() => AssertRefused(EifError.ReservedNotZero, 0x21c, image => image[0x21f] = 1);

    [Fact]
    public void Unused_size_entry() => AssertRefused(EifError.ReservedNotZero, 0x11c + (8 * 31), image => image[0x11c + (8 * 31)] = 1);

    [Theory]
    [InlineData(0)]
    [InlineData(33)]
    [InlineData(ushort.MaxValue)]
    public void Count(ushort count) =>
        AssertRefused(EifError.SectionCount, 0x1a, image => BinaryPrimitives.WriteUInt16BigEndian(image.AsSpan(0x1a), count));

    [Fact]
    public void Count_one_too_many() => AssertRefused(EifError.SectionOverlap, 0x1c + (8 * 5), image => image[0x1b]++);

    [Fact]
    public void Overlap() => AssertRefused(EifError.SectionOverlap, 0x1c + 8, image => SetOffset(image, 1, s_sections[1].Offset - 1));

    [Fact]
    public void Gap() => AssertRefused(EifError.SectionGap, 0x1c + 8, image => SetOffset(image, 1, s_sections[1].Offset + 1));

    [Theory]
    [InlineData(ulong.MaxValue)]
    [InlineData(ulong.MaxValue - 11)]
    [InlineData(1UL << 63)]
    [InlineData(long.MaxValue)]
    [InlineData(59656)]
    public void Oversize(ulong size) =>
        AssertRefused(EifError.TruncatedSection, 0x11c, image => BinaryPrimitives.WriteUInt64BigEndian(image.AsSpan(0x11c), size));

    [Fact]
    public void Size_in_table_only() => AssertRefused(EifError.SectionTableMismatch, s_sections[4].Offset + 4, image =>
        BinaryPrimitives.WriteUInt64BigEndian(image.AsSpan(0x11c + (8 * 4)), (ulong)s_sections[4].Size - 1));

    [Fact]
    public void Section_type_zero() => AssertRefused(EifError.InvalidSectionType, 548, image => image[549] = 0);

    [Fact]
    public void Section_flags() => AssertRefused(EifError.UnknownSectionFlags, 550, image => image[551] = 1);

    [Fact]
    public void Second_kernel() =>
        AssertRefused(EifError.DuplicateSection, s_sections[4].Offset, image => SetType(image, 4, EifSectionType.Kernel));

    [Fact]
    public void Command_line_behind_ramdisk() => AssertRefused(EifError.SectionOrder, s_sections[4].Offset, image =>
    {
        SetType(image, 1, EifSectionType.Ramdisk);
        SetType(image, 4, EifSectionType.CommandLine);
    });

    [Fact]
    public void No_kernel() => AssertRefused(EifError.MissingSection, 0x1a, image => SetType(image, 0, EifSectionType.Signature));

    [Fact]
    public void No_metadata() => AssertRefused(EifError.MissingSection, 0x1a, image => SetType(image, 2, EifSectionType.Ramdisk));

    [Fact]
    public void Metadata_is_only_required_by_version_4()
    {
        byte[] image = Vectors.ReadImage("02_x86_2rd");
        SetType(image, 2, EifSectionType.Ramdisk);
        image[5] = 3;
        using var file = EifFile.Parse(image);

        Assert.Null(file.Metadata);
    }

    [Fact]
    public void Signature_too_large() => AssertRefused(EifError.SectionTooLarge, 548, image =>
    {
        SetType(image, 0, EifSectionType.Signature);
    }, Enlarge(Vectors.ReadImage("02_x86_2rd")));

    [Fact]
    public void Nul_in_command_line() =>
        AssertRefused(EifError.InvalidCommandLine, s_sections[1].DataOffset + 5, image => image[s_sections[1].DataOffset + 5] = 0);

    [Fact]
    public void Command_line_not_utf8() =>
        AssertRefused(EifError.InvalidCommandLine, s_sections[1].DataOffset + 5, image => image[s_sections[1].DataOffset + 5] = 0xff);

    [Fact]
    public void Metadata_not_utf8() =>
        AssertRefused(EifError.InvalidMetadata, s_sections[2].DataOffset, image => image[s_sections[2].DataOffset + 16] = 0xff);

    [Theory]
    [InlineData("{}")]
    [InlineData("[]")]
    [InlineData("null")]
    [InlineData("")]
    [InlineData("{\"ImageName\":1}")]
    [InlineData("""{"ImageName":"a","ImageVersion":"1","BuildMetadata":[],"DockerInfo":null,"CustomMetadata":null}""")]
    [InlineData("""{"ImageName":"a","ImageVersion":"1","BuildMetadata":{"BuildTime":"","BuildTool":"","BuildToolVersion":"","OperatingSystem":"","KernelVersion":""},"DockerInfo":null}""")]
    [InlineData("""{"ImageName":"a","ImageName":"b","ImageVersion":"1","BuildMetadata":{"BuildTime":"","BuildTool":"","BuildToolVersion":"","OperatingSystem":"","KernelVersion":""},"DockerInfo":null,"CustomMetadata":null}""")]
    [InlineData("""{"ImageName":"\ud800","ImageVersion":"1","BuildMetadata":{"BuildTime":"","BuildTool":"","BuildToolVersion":"","OperatingSystem":"","KernelVersion":""},"DockerInfo":null,"CustomMetadata":null}""")]
    [InlineData("""{"ImageName":"a","ImageVersion":"1","BuildMetadata":{"BuildTime":"","BuildTool":"","BuildToolVersion":"","OperatingSystem":"","KernelVersion":""},"DockerInfo":null,"CustomMetadata":["\udfff"]}""")]
    [InlineData("""{"ImageName":"a","ImageVersion":"1","BuildMetadata":{"BuildTime":"","BuildTool":"","BuildToolVersion":"","OperatingSystem":"","KernelVersion":""},"DockerInfo":1e999,"CustomMetadata":null}""")]
    public void Metadata_of_another_shape(string json) =>
        Assert.Equal(EifError.InvalidMetadata, Assert.Throws<EifException>(() =>
            EifMetadata.Parse(System.Text.Encoding.UTF8.GetBytes(json))).Reason);

    [Fact]
    public void Deep_metadata_is_refused_without_recursion() =>
        Assert.Equal(EifError.InvalidMetadata, Assert.Throws<EifException>(() =>
            EifMetadata.Parse(Enumerable.Repeat((byte)'[', 1 << 20).ToArray())).Reason);

    static void Read(byte[] image)
    {
        using var file = EifFile.Parse(image);
        file.Measure();
    }

    static void AssertRefused(EifError reason, long offset, Action<byte[]> change, byte[]? image = null)
    {
        image ??= Vectors.ReadImage("02_x86_2rd");
        change(image);

        var error = Assert.Throws<EifException>(() => Read(image));

        Assert.Equal(reason, error.Reason);
        Assert.Equal(offset, error.Offset);
        Assert.Contains($"byte {offset}", error.Message, StringComparison.Ordinal);
    }

    static void SetOffset(byte[] image, int section, long offset) =>
        BinaryPrimitives.WriteInt64BigEndian(image.AsSpan(0x1c + (8 * section)), offset);

    static void SetType(byte[] image, int section, EifSectionType type) => image[s_sections[section].Offset + 1] = (byte)type;

    static byte[] Enlarge(byte[] original)
    {
        // A first section of 32769 bytes, more than a signature may have.
        using var file = EifFile.Parse(original);
        using var output = new MemoryStream();
        new EifBuilder
        {
            Kernel = EifSectionContent.FromMemory(new byte[32769]),
            CommandLine = "c",
            Ramdisks = [EifSectionContent.FromMemory(new byte[1])],
            Metadata = file.Metadata!,
        }.Write(output);
        return output.ToArray();
    }

    static EifSection[] Sections()
    {
        using var file = EifFile.Open(Vectors.Image("02_x86_2rd"));
        return [.. file.Sections];
    }
}
