namespace NitroEnclaves.Images;

/// <summary>Where one section lies in an image file.</summary>
/// <param name="Type">What the section holds.</param>
/// <param name="Offset">File offset of the 12-byte section header.</param>
/// <param name="Size">Bytes of data after the section header.</param>
public readonly record struct EifSection(EifSectionType Type, long Offset, long Size)
{
    /// <summary>Bytes of a section header: type (u16), flags (u16), data size (u64), all big-endian.</summary>
    public const int HeaderSize = 12;

    /// <summary>File offset of the first data byte.</summary>
    public long DataOffset => Offset + HeaderSize;

    /// <summary>File offset just behind the data.</summary>
    public long End => DataOffset + Size;
}
