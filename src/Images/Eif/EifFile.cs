using System.Text;

namespace NitroEnclaves.Images;

/// <summary>An enclave image opened for reading.</summary>
/// <remarks>
/// Opening reads and checks header, section table, command line, metadata and the form of the signature; <see cref="Scan"/> and
/// <see cref="Measure"/> read everything once. The memory used does not depend on the file's size. Streams and scans may run at the same time.
/// </remarks>
public sealed class EifFile : IDisposable
{
    static readonly UTF8Encoding s_strictUtf8 = new(encoderShouldEmitUTF8Identifier: false, throwOnInvalidBytes: true);

    readonly ByteSource _source;
    readonly EifSection[] _sections;

    EifFile(ByteSource source)
    {
        _source = source;
        (Header, _sections) = EifLayout.Read(source);
        CommandLine = ReadCommandLine(Find(EifSectionType.CommandLine)!.Value);
        Metadata = Find(EifSectionType.Metadata) is { } metadata ? EifMetadataJson.Read(ReadData(metadata), metadata.DataOffset) : null;
        Signature = Find(EifSectionType.Signature) is { } signature ? EifSignature.Parse(ReadData(signature), signature.DataOffset) : null;
    }

    /// <summary>The header as it is in the file.</summary>
    public EifHeader Header { get; }

    /// <summary>Bytes of the file.</summary>
    public long Length => _source.Length;

    /// <summary>The sections in file order.</summary>
    public IReadOnlyList<EifSection> Sections => _sections;

    /// <summary>The architecture that the header names.</summary>
    public EifArchitecture Architecture => Header.Architecture;

    /// <summary>The kernel's command line.</summary>
    public string CommandLine { get; }

    /// <summary>The metadata; null only for images of versions 2 and 3 without one.</summary>
    public EifMetadata? Metadata { get; }

    /// <summary>The signature, not verified; null for an unsigned image.</summary>
    public EifSignature? Signature { get; }

    /// <summary>True where there is a signature section (which says nothing about its validity).</summary>
    public bool IsSigned => Signature is not null;

    /// <summary>The ramdisks' sections in the order in which the kernel gets them.</summary>
    public IEnumerable<EifSection> Ramdisks => _sections.Where(section => section.Type == EifSectionType.Ramdisk);

    /// <summary>Opens an image file and checks its structure.</summary>
    /// <param name="path">The file; others may read it meanwhile, and nobody may write it.</param>
    /// <exception cref="EifException">The file is not an acceptable image.</exception>
    /// <exception cref="IOException">The file cannot be opened or read.</exception>
    public static EifFile Open(string path) => Open(ByteSource.OpenFile(path));

    /// <summary>Reads an image that is in memory and checks its structure.</summary>
    /// <param name="image">The image's bytes, not copied.</param>
    /// <exception cref="EifException">The bytes are not an acceptable image.</exception>
    public static EifFile Parse(ReadOnlyMemory<byte> image) => Open(ByteSource.FromMemory(image));

    /// <summary>A stream over a section's data; it reads from this file and ends with it.</summary>
    /// <param name="section">One of <see cref="Sections"/>.</param>
    public Stream OpenSection(EifSection section) => _sections.Contains(section)
        ? new SliceStream(_source, section.DataOffset, section.Size)
        : throw new ArgumentException("The section is not one of this file.", nameof(section));

    /// <summary>A stream over the whole file as it is; it reads from this file and ends with it.</summary>
    public Stream OpenRead() => new SliceStream(_source, 0, _source.Length);

    /// <summary>A stream over the kernel.</summary>
    public Stream OpenKernel() => OpenSection(Find(EifSectionType.Kernel)!.Value);

    /// <summary>The files of one ramdisk.</summary>
    /// <param name="ramdisk">One of <see cref="Ramdisks"/>: "newc" cpio, plain or packed with gzip, zstd or xz.</param>
    /// <param name="cancellationToken">Ends the reading early.</param>
    /// <returns>The files; contents are read from this image, which must stay open as long.</returns>
    /// <exception cref="RootFileSystemException">The ramdisk is malformed or of another form.</exception>
    public RootFileSystem ReadRamdisk(EifSection ramdisk, CancellationToken cancellationToken = default) =>
        ReadRamdisks([ramdisk], cancellationToken);

    /// <summary>The files of all ramdisks as the kernel finds them: each unpacked over those before it.</summary>
    /// <inheritdoc cref="ReadRamdisk"/>
    public RootFileSystem ReadRamdisks(CancellationToken cancellationToken = default) => ReadRamdisks(Ramdisks, cancellationToken);

    /// <summary>Reads the whole file once: checksum and measurements.</summary>
    /// <param name="progress">Told the bytes read so far, twice a megabyte.</param>
    /// <param name="cancellationToken">Ends the pass early.</param>
    public EifScan Scan(IProgress<long>? progress = null, CancellationToken cancellationToken = default)
    {
        var (measurements, crc) = EifScanner.Scan(_source, _sections, Signature?.Pcr8, progress, cancellationToken);
        return new EifScan(measurements, crc, crc == Header.Crc32);
    }

    /// <summary>Reads the whole file once for its checksum alone, which takes a small part of the time of measuring it.</summary>
    /// <param name="cancellationToken">Ends the pass early.</param>
    /// <exception cref="EifException">The checksum is wrong (<see cref="EifError.CrcMismatch"/>).</exception>
    public void CheckChecksum(CancellationToken cancellationToken = default)
    {
        uint crc = EifScanner.Checksum(_source, cancellationToken);
        if (crc != Header.Crc32)
        {
            throw WrongChecksum(crc);
        }
    }

    /// <summary>Reads the whole file once and gives its measurements, provided that its checksum is right.</summary>
    /// <param name="progress">Told the bytes read so far, twice a megabyte.</param>
    /// <param name="cancellationToken">Ends the pass early.</param>
    /// <exception cref="EifException">The checksum is wrong (<see cref="EifError.CrcMismatch"/>).</exception>
    public EifMeasurements Measure(IProgress<long>? progress = null, CancellationToken cancellationToken = default)
    {
        var scan = Scan(progress, cancellationToken);
        return scan.CrcMatches
            ? scan.Measurements
            : throw WrongChecksum(scan.Crc32);
    }

    /// <inheritdoc/>
    public void Dispose() => _source.Dispose();

    EifException WrongChecksum(uint crc) => new(
        EifError.CrcMismatch, EifHeader.Crc32Offset, $"The header has the checksum {Header.Crc32:x8}, the file's bytes have {crc:x8}.");

    static EifFile Open(ByteSource source)
    {
        try
        {
            return new EifFile(source);
        }
        catch
        {
            source.Dispose();
            throw;
        }
    }

    RootFileSystem ReadRamdisks(IEnumerable<EifSection> ramdisks, CancellationToken cancellationToken)
    {
        var files = new RootFileSystem();
        try
        {
            foreach (var ramdisk in ramdisks)
            {
                files.AddRamdisk(_source.Slice(ramdisk.DataOffset, ramdisk.Size), cancellationToken);
            }

            return files;
        }
        catch
        {
            files.Dispose();
            throw;
        }
    }

    EifSection? Find(EifSectionType type)
    {
        foreach (var section in _sections)
        {
            if (section.Type == type)
            {
                return section;
            }
        }

        return null;
    }

    byte[] ReadData(EifSection section)
    {
        byte[] data = new byte[section.Size];
        _source.ReadExactly(section.DataOffset, data);
        return data;
    }

    string ReadCommandLine(EifSection section)
    {
        byte[] data = ReadData(section);
        int nul = data.AsSpan().IndexOf((byte)0);
        if (nul >= 0)
        {
            throw new EifException(EifError.InvalidCommandLine, section.DataOffset + nul, "The command line holds a NUL.");
        }

        try
        {
            return s_strictUtf8.GetString(data);
        }
        catch (DecoderFallbackException e)
        {
            throw new EifException(EifError.InvalidCommandLine, section.DataOffset + e.Index, "The command line is not UTF-8.", e);
        }
    }
}
