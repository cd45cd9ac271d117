using System.Buffers.Binary;
using System.Security.Cryptography;
using NitroEnclaves.Nsm;

namespace NitroEnclaves.Images;

/// <summary>
/// Reads images as the reference's reader does: header, then section after section until fewer than 12 bytes are left, whatever
/// the table says. Of several metadata or signature sections the last counts; all certificates go into PCR8.
/// </summary>
/// <remarks>Sizes are checked against the file before anything is read, where the reference would allocate what it is told.</remarks>
sealed class LenientEifReader(ByteSource source) : IDisposable
{
    const int MaxHeldSection = 64 << 20;
    const string UnexpectedEnd = "Error { kind: UnexpectedEof, message: \"failed to fill whole buffer\" }";

    readonly List<EifSection> _sections = [];
    readonly IncrementalHash _certificates = IncrementalHash.CreateHash(HashAlgorithmName.SHA384);
    EifMetadata? _metadata;
    EifSignature? _signature;

    /// <summary>The failure of a reader that does not come up (E35).</summary>
    public static NitroCliException Failure(string text, Exception? innerException = null) =>
        new(35, $"Failed to initialize EIF reader: {RustText.Debug(text)}", innerException);

    public EifDescription Read(IProgress<long>? progress, CancellationToken cancellationToken)
    {
        if (source.Length < EifHeader.Size)
        {
            throw Failure($"Error while reading EIF header: {UnexpectedEnd}");
        }

        Span<byte> bytes = stackalloc byte[EifHeader.Size];
        source.ReadExactly(0, bytes);
        var header = EifHeader.Read(bytes);
        ReadSections();
        PcrValue? pcr8 = _signature is null ? null : PcrValue.Zero.Extend(_certificates.GetHashAndReset());
        var (measurements, crc) = EifScanner.Scan(source, _sections, pcr8, progress, cancellationToken);
        return new EifDescription
        {
            Version = header.Version,
            Measurements = measurements,
            CrcMatches = crc == header.Crc32,
            SigningCertificate = _signature is null ? null : SigningCertificateDescription.Read(_signature.Certificate),
            SignatureMatches = _signature?.Verify(measurements.Pcr0) switch
            {
                null => null,
                EifSignatureStatus.Valid => true,
                EifSignatureStatus.WrongMeasurement => false,
                _ => throw new NitroCliException(35,
                    $"Failed to get certificate sigining info: {RustText.Debug("Failed to get signature payload: UnverifiedSignature")}"),
            },
            Metadata = _metadata,
        };
    }

    public void Dispose() => _certificates.Dispose();

    void ReadSections()
    {
        Span<byte> bytes = stackalloc byte[EifSection.HeaderSize];
        for (long position = EifHeader.Size; source.Length - position >= EifSection.HeaderSize;)
        {
            source.ReadExactly(position, bytes);
            ushort type = BinaryPrimitives.ReadUInt16BigEndian(bytes);
            if (type > (ushort)EifSectionType.Metadata)
            {
                throw Failure("Error extracting EIF section header: \"Invalid section type\"");
            }

            ulong size = BinaryPrimitives.ReadUInt64BigEndian(bytes[4..]);
            if (type == 0)
            {
                throw Failure("Found invalid EIF section");
            }

            if (size > (ulong)(source.Length - position - EifSection.HeaderSize))
            {
                throw Failure($"Error while reading kernel from EIF: {UnexpectedEnd}");
            }

            var section = new EifSection((EifSectionType)type, position, (long)size);
            _sections.Add(section);
            position = section.End;
            if (section.Type == EifSectionType.Metadata)
            {
                _metadata = ReferenceMetadataReader.Read(Hold(section));
            }
            else if (section.Type == EifSectionType.Signature)
            {
                _signature = LenientSignature.Read(Hold(section));
                _certificates.AppendData(_signature.Certificate.Span);
            }
        }
    }

    byte[] Hold(EifSection section)
    {
        if (section.Size > MaxHeldSection)
        {
            throw new NitroCliException(35,
                $"The {section.Type} section at byte {section.Offset} has {section.Size} bytes, more than this program takes into memory.");
        }

        byte[] data = new byte[section.Size];
        source.ReadExactly(section.DataOffset, data);
        return data;
    }
}
