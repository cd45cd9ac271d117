using System.Buffers.Binary;
using NitroEnclaves.Nsm;

namespace NitroEnclaves.Images;

/// <summary>Writes an image section by section, and measures it on the way.</summary>
/// <remarks>
/// Section headers, the section table and the checksum are filled in behind the data, so that sections may be made while they are
/// written. Kernel, command line and ramdisks must come in this order; the reference puts the metadata before the ramdisks and the
/// signature last.
/// </remarks>
public sealed class EifWriter : IDisposable
{
    readonly Stream _output;
    readonly long _start;
    readonly EifHeader _header;
    readonly IProgress<long>? _progress;
    readonly EifMeasurer _measurer = new();
    readonly ChunkPool _pool = new();
    readonly List<EifSection> _sections = [];
    EifSectionStream? _open;
    uint _crc;
    long _length = EifHeader.Size;

    /// <summary>Begins an image where the stream stands.</summary>
    /// <param name="output">Seekable and writable; it stays open.</param>
    /// <param name="architecture">The processor architecture the header names.</param>
    /// <param name="progress">Told the bytes of the image written so far.</param>
    public EifWriter(Stream output, EifArchitecture architecture, IProgress<long>? progress = null)
        : this(output, new EifHeader(architecture, []), progress)
    {
    }

    /// <summary>Begins an image whose header is that of another but for table and checksum.</summary>
    internal EifWriter(Stream output, EifHeader header, IProgress<long>? progress)
    {
        ArgumentNullException.ThrowIfNull(output);
        if (!output.CanSeek || !output.CanWrite)
        {
            throw new ArgumentException("An image needs a stream that can seek and write.", nameof(output));
        }

        _output = output;
        _start = output.Position;
        _header = header;
        _progress = progress;
        _output.Write(stackalloc byte[EifHeader.Size]);
    }

    /// <summary>The sections ended so far; their offsets count from the image's start.</summary>
    public IReadOnlyList<EifSection> Sections => _sections;

    /// <summary>The measurements of the sections ended so far.</summary>
    public EifMeasurements Measurements => _measurer.Finish();

    /// <summary>Writes a section from bytes at hand.</summary>
    /// <inheritdoc cref="BeginSection"/>
    /// <param name="type">What the section holds.</param>
    /// <param name="data">All of its data.</param>
    public void WriteSection(EifSectionType type, ReadOnlySpan<byte> data)
    {
        using var section = BeginSection(type);
        section.Write(data);
    }

    /// <summary>Begins a section; disposing of the stream ends it.</summary>
    /// <param name="type">What the section holds.</param>
    /// <exception cref="InvalidOperationException">
    /// Another section is open, the table is full, or this kind may not come here or not again.
    /// </exception>
    public Stream BeginSection(EifSectionType type)
    {
        CheckOrder(type);
        _output.Write(stackalloc byte[EifSection.HeaderSize]);
        _measurer.Begin(type);
        return _open = new EifSectionStream(this, new EifSection(type, _length, 0));
    }

    /// <summary>Writes the header and returns the measurements.</summary>
    /// <param name="pcr8">The certificate's measurement where a signature section was written.</param>
    /// <exception cref="InvalidOperationException">A section is open or missing.</exception>
    public EifMeasurements Finish(PcrValue? pcr8 = null)
    {
        EnsureNoneOpen();
        EifSectionType[] required = [EifSectionType.Kernel, EifSectionType.CommandLine, EifSectionType.Ramdisk, EifSectionType.Metadata];
        foreach (var type in required)
        {
            if (!Has(type) && (type != EifSectionType.Metadata || _header.Version >= 4))
            {
                throw new InvalidOperationException($"An image needs a {type} section.");
            }
        }

        Span<byte> bytes = stackalloc byte[EifHeader.Size];
        var header = new EifHeader(_header, _sections.ToArray());
        header.Write(bytes, 0);
        uint crc = Crc32.Combine(Crc32.Append(0, bytes[..EifHeader.Crc32Offset]), _crc, _length - EifHeader.Size);
        header.Write(bytes, crc);
        _output.Position = _start;
        _output.Write(bytes);
        _output.Position = _start + _length;
        return _measurer.Finish(pcr8);
    }

    /// <summary>Frees the hash states; the stream stays open.</summary>
    public void Dispose()
    {
        _measurer.Dispose();
        _pool.Dispose();
    }

    void CheckOrder(EifSectionType type)
    {
        EnsureNoneOpen();
        if (_sections.Count == EifHeader.MaxSections)
        {
            throw new InvalidOperationException($"An image has at most {EifHeader.MaxSections} sections.");
        }

        bool fits = type switch
        {
            EifSectionType.Kernel => !Has(EifSectionType.Kernel) && !Has(EifSectionType.CommandLine) && !Has(EifSectionType.Ramdisk),
            EifSectionType.CommandLine => !Has(EifSectionType.CommandLine) && !Has(EifSectionType.Ramdisk),
            EifSectionType.Ramdisk => Has(EifSectionType.Kernel) && Has(EifSectionType.CommandLine),
            EifSectionType.Metadata or EifSectionType.Signature => !Has(type),
            _ => false,
        };
        if (!fits)
        {
            throw new InvalidOperationException($"A {type} section may not come here.");
        }
    }

    bool Has(EifSectionType type) => _sections.Exists(section => section.Type == type);

    void EnsureNoneOpen()
    {
        if (_open is not null)
        {
            throw new InvalidOperationException("A section is still open.");
        }
    }

    /// <summary>A chunk to fill for the section that is open.</summary>
    internal Chunk RentChunk() => _pool.Rent();

    /// <summary>
    /// Takes a chunk of the section that is open: the hashes work on it while checksum and file get it here. Lets go of the chunk in any
    /// case.
    /// </summary>
    /// <returns>The checksum of the section's data with this chunk.</returns>
    internal uint Take(Chunk chunk, uint crc, long position)
    {
        try
        {
            _measurer.Append(chunk);
            crc = Crc32.Append(crc, chunk.Data);
            _output.Write(chunk.Data);
        }
        finally
        {
            chunk.Release();
        }

        _progress?.Report(position);
        return crc;
    }

    /// <summary>Ends the section that is open.</summary>
    internal void End(EifSection section, uint crc)
    {
        Span<byte> header = stackalloc byte[EifSection.HeaderSize];
        BinaryPrimitives.WriteUInt16BigEndian(header, (ushort)section.Type);
        BinaryPrimitives.WriteUInt16BigEndian(header[2..], 0);
        BinaryPrimitives.WriteUInt64BigEndian(header[4..], (ulong)section.Size);
        _output.Position = _start + section.Offset;
        _output.Write(header);
        _output.Position = _start + section.End;
        _crc = Crc32.Combine(Crc32.Append(_crc, header), crc, section.Size);
        _length = section.End;
        _sections.Add(section);
        _open = null;
    }
}
