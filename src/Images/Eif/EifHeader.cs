using System.Buffers.Binary;

namespace NitroEnclaves.Images;

/// <summary>The 548 bytes at the start of an image. All integers are big-endian:</summary>
/// <remarks>
/// <code>
/// 0x000  4       magic ".eif"          0x01a  u16      number of sections
/// 0x004  u16     version               0x01c  32 x u64 file offsets of section headers
/// 0x006  u16     flags                 0x11c  32 x u64 data sizes without section headers
/// 0x008  u64     default memory        0x21c  u32      unused
/// 0x010  u64     default vCPUs         0x220  u32      CRC-32 of everything but this field
/// 0x018  u16     reserved
/// </code>
/// </remarks>
public sealed class EifHeader
{
    /// <summary>Bytes of the header.</summary>
    public const int Size = 548;

    /// <summary>The most sections an image can have: the length of the header's table.</summary>
    public const int MaxSections = 32;

    /// <summary>The version this library writes.</summary>
    public const ushort CurrentVersion = 4;

    internal const int VersionOffset = 4;
    internal const int FlagsOffset = 6;
    internal const int ReservedOffset = 0x18;
    internal const int SectionCountOffset = 0x1a;
    internal const int SectionOffsetsOffset = 0x1c;
    internal const int SectionSizesOffset = 0x11c;
    internal const int UnusedOffset = 0x21c;
    internal const int Crc32Offset = 0x220;
    internal const ushort ArchitectureFlag = 1;

    readonly ulong[] _offsets = new ulong[MaxSections];
    readonly ulong[] _sizes = new ulong[MaxSections];

    EifHeader()
    {
    }

    internal EifHeader(EifArchitecture architecture, ReadOnlySpan<EifSection> sections)
    {
        Magic = MagicNumber;
        Version = CurrentVersion;
        Flags = architecture == EifArchitecture.Arm64 ? ArchitectureFlag : (ushort)0;
        DefaultMemory = 1 << 30;
        DefaultCpus = 2;
        SetSections(sections);
    }

    /// <summary>Another header with another table.</summary>
    internal EifHeader(EifHeader other, ReadOnlySpan<EifSection> sections)
    {
        Magic = other.Magic;
        Version = other.Version;
        Flags = other.Flags;
        DefaultMemory = other.DefaultMemory;
        DefaultCpus = other.DefaultCpus;
        SetSections(sections);
    }

    /// <summary>The first four bytes as a number; ".eif" is 0x2e656966.</summary>
    public uint Magic { get; private init; }

    /// <summary>The format's version; 4 is current.</summary>
    public ushort Version { get; private init; }

    /// <summary>Bit 0: aarch64. The others are zero.</summary>
    public ushort Flags { get; private init; }

    /// <summary>A memory size in bytes that nothing uses; tools write 1 GiB.</summary>
    public ulong DefaultMemory { get; private init; }

    /// <summary>A vCPU count that nothing uses; tools write 2.</summary>
    public ulong DefaultCpus { get; private init; }

    /// <summary>How many entries of the section table are in use.</summary>
    public ushort SectionCount { get; private set; }

    /// <summary>The CRC-32 over the file without this field.</summary>
    public uint Crc32 { get; private init; }

    /// <summary>The architecture that bit 0 of the flags names.</summary>
    public EifArchitecture Architecture => (Flags & ArchitectureFlag) == 0 ? EifArchitecture.X64 : EifArchitecture.Arm64;

    /// <summary>File offsets of the section headers; 32 entries, those beyond the count are zero.</summary>
    public ReadOnlySpan<ulong> SectionOffsets => _offsets;

    /// <summary>Data sizes of the sections; 32 entries, those beyond the count are zero.</summary>
    public ReadOnlySpan<ulong> SectionSizes => _sizes;

    internal const uint MagicNumber = 0x2e656966;

    internal ushort Reserved { get; private init; }

    internal uint Unused { get; private init; }

    /// <summary>Takes the fields out of the header's bytes without judging them.</summary>
    /// <param name="bytes">At least <see cref="Size"/> bytes.</param>
    /// <exception cref="EifException">There are fewer (<see cref="EifError.TruncatedHeader"/>).</exception>
    public static EifHeader Read(ReadOnlySpan<byte> bytes)
    {
        if (bytes.Length < Size)
        {
            throw new EifException(EifError.TruncatedHeader, bytes.Length, $"The file ends within the header of {Size} bytes.");
        }

        var header = new EifHeader
        {
            Magic = BinaryPrimitives.ReadUInt32BigEndian(bytes),
            Version = BinaryPrimitives.ReadUInt16BigEndian(bytes[VersionOffset..]),
            Flags = BinaryPrimitives.ReadUInt16BigEndian(bytes[FlagsOffset..]),
            DefaultMemory = BinaryPrimitives.ReadUInt64BigEndian(bytes[0x08..]),
            DefaultCpus = BinaryPrimitives.ReadUInt64BigEndian(bytes[0x10..]),
            Reserved = BinaryPrimitives.ReadUInt16BigEndian(bytes[ReservedOffset..]),
            SectionCount = BinaryPrimitives.ReadUInt16BigEndian(bytes[SectionCountOffset..]),
            Unused = BinaryPrimitives.ReadUInt32BigEndian(bytes[UnusedOffset..]),
            Crc32 = BinaryPrimitives.ReadUInt32BigEndian(bytes[Crc32Offset..]),
        };
        for (int i = 0; i < MaxSections; i++)
        {
            header._offsets[i] = BinaryPrimitives.ReadUInt64BigEndian(bytes[(SectionOffsetsOffset + (8 * i))..]);
            header._sizes[i] = BinaryPrimitives.ReadUInt64BigEndian(bytes[(SectionSizesOffset + (8 * i))..]);
        }

        return header;
    }

    /// <summary>Writes the header; the CRC field gets <paramref name="crc32"/>.</summary>
    internal void Write(Span<byte> bytes, uint crc32)
    {
        bytes[..Size].Clear();
        BinaryPrimitives.WriteUInt32BigEndian(bytes, Magic);
        BinaryPrimitives.WriteUInt16BigEndian(bytes[VersionOffset..], Version);
        BinaryPrimitives.WriteUInt16BigEndian(bytes[FlagsOffset..], Flags);
        BinaryPrimitives.WriteUInt64BigEndian(bytes[0x08..], DefaultMemory);
        BinaryPrimitives.WriteUInt64BigEndian(bytes[0x10..], DefaultCpus);
        BinaryPrimitives.WriteUInt16BigEndian(bytes[SectionCountOffset..], SectionCount);
        for (int i = 0; i < MaxSections; i++)
        {
            BinaryPrimitives.WriteUInt64BigEndian(bytes[(SectionOffsetsOffset + (8 * i))..], _offsets[i]);
            BinaryPrimitives.WriteUInt64BigEndian(bytes[(SectionSizesOffset + (8 * i))..], _sizes[i]);
        }

        BinaryPrimitives.WriteUInt32BigEndian(bytes[Crc32Offset..], crc32);
    }

    void SetSections(ReadOnlySpan<EifSection> sections)
    {
        SectionCount = (ushort)sections.Length;
        for (int i = 0; i < sections.Length; i++)
        {
            _offsets[i] = (ulong)sections[i].Offset;
            _sizes[i] = (ulong)sections[i].Size;
        }
    }
}
