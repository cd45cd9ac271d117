using System.Buffers.Binary;

namespace NitroEnclaves.Images;

/// <summary>
/// Finds the sections of an image. The hypervisor and QEMU go by the header's table, the reference reader walks from section to
/// section; a file on which the two differ could be measured as one thing and started as another, so here they must agree.
/// </summary>
static class EifLayout
{
    /// <summary>Bytes a command line may have; kernels stop reading far below.</summary>
    public const int MaxCommandLine = 64 * 1024;

    /// <summary>Bytes a metadata section may have.</summary>
    public const int MaxMetadata = 4 * 1024 * 1024;

    /// <summary>Bytes a signature section may have, as the format's description says.</summary>
    public const int MaxSignature = 32768;

    /// <summary>Reads the header and the sections, and refuses everything that the format does not foresee.</summary>
    public static (EifHeader Header, EifSection[] Sections) Read(ByteSource source)
    {
        Span<byte> bytes = stackalloc byte[EifHeader.Size];
        int available = (int)Math.Min(source.Length, EifHeader.Size);
        source.ReadExactly(0, bytes[..available]);
        var header = EifHeader.Read(bytes[..available]);
        CheckHeader(header);
        var sections = ReadSections(source, header);
        CheckSections(header, sections);
        return (header, sections);
    }

    static void CheckHeader(EifHeader header)
    {
        if (header.Magic != EifHeader.MagicNumber)
        {
            throw new EifException(EifError.BadMagic, 0, $"The file begins with {header.Magic:x8}, not with \".eif\".");
        }

        if (header.Version is < 2 or > EifHeader.CurrentVersion)
        {
            throw new EifException(EifError.UnsupportedVersion, EifHeader.VersionOffset,
                $"Version {header.Version} of the format is not known.");
        }

        if ((header.Flags & ~EifHeader.ArchitectureFlag) != 0)
        {
            throw new EifException(EifError.UnknownFlags, EifHeader.FlagsOffset,
                $"The header's flags 0x{header.Flags:x4} hold unknown bits.");
        }

        if (header.Reserved != 0)
        {
            throw new EifException(EifError.ReservedNotZero, EifHeader.ReservedOffset, "A reserved field of the header is not zero.");
        }

        if (header.Unused != 0)
        {
            throw new EifException(EifError.ReservedNotZero, EifHeader.UnusedOffset, "An unused field of the header is not zero.");
        }

        if (header.SectionCount is 0 or > EifHeader.MaxSections)
        {
            throw new EifException(EifError.SectionCount, EifHeader.SectionCountOffset,
                $"{header.SectionCount} sections; there can be 1 to {EifHeader.MaxSections}.");
        }

        for (int i = header.SectionCount; i < EifHeader.MaxSections; i++)
        {
            if (header.SectionOffsets[i] != 0)
            {
                throw new EifException(EifError.ReservedNotZero, OffsetEntry(i),
                    $"Entry {i} of the section table is beyond the count of {header.SectionCount} but has an offset.");
            }

            if (header.SectionSizes[i] != 0)
            {
                throw new EifException(EifError.ReservedNotZero, SizeEntry(i),
                    $"Entry {i} of the section table is beyond the count of {header.SectionCount} but has a size.");
            }
        }
    }

    static EifSection[] ReadSections(ByteSource source, EifHeader header)
    {
        var sections = new EifSection[header.SectionCount];
        long end = EifHeader.Size;
        Span<byte> bytes = stackalloc byte[EifSection.HeaderSize];
        for (int i = 0; i < sections.Length; i++)
        {
            ulong offset = header.SectionOffsets[i];
            ulong size = header.SectionSizes[i];
            if (offset != (ulong)end)
            {
                throw offset < (ulong)end
                    ? new EifException(EifError.SectionOverlap, OffsetEntry(i),
                        $"Section {i} begins at {offset}, before the end of what is ahead of it at {end}.")
                    : new EifException(EifError.SectionGap, OffsetEntry(i), $"Section {i} begins at {offset}, after a gap behind {end}.");
            }

            if (source.Length - end < EifSection.HeaderSize || size > (ulong)(source.Length - end - EifSection.HeaderSize))
            {
                throw new EifException(EifError.TruncatedSection, SizeEntry(i),
                    $"Section {i} at {offset} with {size} bytes of data reaches beyond the file's {source.Length} bytes.");
            }

            source.ReadExactly(end, bytes);
            ushort type = BinaryPrimitives.ReadUInt16BigEndian(bytes);
            ushort flags = BinaryPrimitives.ReadUInt16BigEndian(bytes[2..]);
            ulong headerSize = BinaryPrimitives.ReadUInt64BigEndian(bytes[4..]);
            if (type is 0 or > (ushort)EifSectionType.Metadata)
            {
                throw new EifException(EifError.InvalidSectionType, end, $"Section {i} has the unknown type {type}.");
            }

            if (flags != 0)
            {
                throw new EifException(EifError.UnknownSectionFlags, end + 2, $"Section {i} has the unknown flags 0x{flags:x4}.");
            }

            if (headerSize != size)
            {
                throw new EifException(EifError.SectionTableMismatch, end + 4,
                    $"Section {i} says it has {headerSize} bytes of data, the table says {size}.");
            }

            sections[i] = new EifSection((EifSectionType)type, end, (long)size);
            end = sections[i].End;
        }

        return end == source.Length
            ? sections
            : throw new EifException(EifError.TrailingBytes, end, $"{source.Length - end} bytes follow the last section of the table.");
    }

    static void CheckSections(EifHeader header, EifSection[] sections)
    {
        Span<int> counts = stackalloc int[(int)EifSectionType.Metadata + 1];
        foreach (var section in sections)
        {
            bool ordered = section.Type switch
            {
                EifSectionType.Kernel => counts[(int)EifSectionType.CommandLine] == 0 && counts[(int)EifSectionType.Ramdisk] == 0,
                EifSectionType.CommandLine => counts[(int)EifSectionType.Ramdisk] == 0,
                _ => true,
            };
            if (++counts[(int)section.Type] > 1 && section.Type != EifSectionType.Ramdisk)
            {
                throw new EifException(EifError.DuplicateSection, section.Offset, $"A second {section.Type} section.");
            }

            if (!ordered)
            {
                throw new EifException(EifError.SectionOrder, section.Offset,
                    $"The {section.Type} section comes late: kernel, command line and ramdisks follow in this order.");
            }

            long most = MaxSize(section.Type);
            if (section.Size > most)
            {
                throw new EifException(EifError.SectionTooLarge, section.Offset,
                    $"The {section.Type} section has {section.Size} bytes; {most} are the most.");
            }
        }

        Require(counts, EifSectionType.Kernel);
        Require(counts, EifSectionType.CommandLine);
        Require(counts, EifSectionType.Ramdisk);
        if (header.Version >= 4)
        {
            Require(counts, EifSectionType.Metadata);
        }

        static void Require(ReadOnlySpan<int> counts, EifSectionType type)
        {
            if (counts[(int)type] == 0)
            {
                throw new EifException(EifError.MissingSection, EifHeader.SectionCountOffset, $"There is no {type} section.");
            }
        }
    }

    static long MaxSize(EifSectionType type) => type switch
    {
        EifSectionType.CommandLine => MaxCommandLine,
        EifSectionType.Metadata => MaxMetadata,
        EifSectionType.Signature => MaxSignature,
        _ => long.MaxValue,
    };

    static int OffsetEntry(int index) => EifHeader.SectionOffsetsOffset + (8 * index);

    static int SizeEntry(int index) => EifHeader.SectionSizesOffset + (8 * index);
}
