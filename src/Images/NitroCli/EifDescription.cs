namespace NitroEnclaves.Images;

/// <summary>What <c>describe-eif</c> tells of an image.</summary>
public sealed class EifDescription
{
    /// <summary>The header's version.</summary>
    public required int Version { get; init; }

    /// <summary>The registers' values.</summary>
    public required EifMeasurements Measurements { get; init; }

    /// <summary>True where there is a signature section.</summary>
    public bool IsSigned => SigningCertificate is not null;

    /// <summary>The certificate of a signed image.</summary>
    public SigningCertificateDescription? SigningCertificate { get; init; }

    /// <summary>True where the header's checksum is that of the file.</summary>
    public required bool CrcMatches { get; init; }

    /// <summary>For a signed image: true where what the key signed is this image's PCR0.</summary>
    public bool? SignatureMatches { get; init; }

    /// <summary>The metadata.</summary>
    public EifMetadata? Metadata { get; init; }

    /// <summary>Describes an image that was read strictly.</summary>
    /// <param name="image">The image; read through once.</param>
    /// <param name="progress">Told the bytes read so far.</param>
    /// <param name="cancellationToken">Ends the reading early.</param>
    /// <exception cref="EifException">The checksum is wrong, or the signature is not one of the certificate's key.</exception>
    public static EifDescription Read(EifFile image, IProgress<long>? progress = null, CancellationToken cancellationToken = default)
    {
        ArgumentNullException.ThrowIfNull(image);
        var measurements = image.Measure(progress, cancellationToken);
        return new EifDescription
        {
            Version = image.Header.Version,
            Measurements = measurements,
            SigningCertificate = image.Signature is { } signature ? SigningCertificateDescription.Read(signature.Certificate) : null,
            CrcMatches = true,
            SignatureMatches = image.Signature?.Verify(measurements.Pcr0) switch
            {
                null => null,
                EifSignatureStatus.Valid => true,
                EifSignatureStatus.WrongMeasurement => false,
                var status => throw new EifException(
                    EifError.InvalidSignature,
                    image.Sections.First(section => section.Type == EifSectionType.Signature).Offset,
                    $"The signature is not one of the certificate's key ({status})."),
            },
            Metadata = image.Metadata,
        };
    }

    /// <summary>
    /// Describes an image as nitro-cli 1.5.0 does: the section table, magic and version are not looked at, a wrong checksum is told and not
    /// refused.
    /// </summary>
    /// <param name="path">The image's file.</param>
    /// <param name="progress">Told the bytes read so far.</param>
    /// <param name="cancellationToken">Ends the reading early.</param>
    /// <exception cref="NitroCliException">nitro-cli fails on such a file; code and text are its own.</exception>
    public static EifDescription ReadLeniently(string path, IProgress<long>? progress = null, CancellationToken cancellationToken = default)
    {
        ByteSource source;
        try
        {
            source = ByteSource.OpenFile(path);
        }
        catch (Exception e) when (e is FileNotFoundException or DirectoryNotFoundException)
        {
            throw LenientEifReader.Failure(
                "Failed to open the EIF file: Os { code: 2, kind: NotFound, message: \"No such file or directory\" }", e);
        }
        catch (UnauthorizedAccessException e)
        {
            throw LenientEifReader.Failure(
                "Failed to open the EIF file: Os { code: 13, kind: PermissionDenied, message: \"Permission denied\" }", e);
        }

        using (source)
        {
            using var reader = new LenientEifReader(source);
            return reader.Read(progress, cancellationToken);
        }
    }

    /// <summary>The same for bytes in memory.</summary>
    internal static EifDescription ReadLeniently(ReadOnlyMemory<byte> image)
    {
        using var source = ByteSource.FromMemory(image);
        using var reader = new LenientEifReader(source);
        return reader.Read(null, CancellationToken.None);
    }
}
