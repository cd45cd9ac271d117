namespace NitroEnclaves.Images;

/// <summary>Signs image files.</summary>
public static class EifSigning
{
    /// <summary>
    /// Writes a signed copy of an image: a signature that it has is replaced where it is, else the new one comes last; table and
    /// checksum are made anew, and nothing else changes.
    /// </summary>
    /// <param name="path">The image; its checksum must be right.</param>
    /// <param name="outputPath">The signed image, which appears whole or not at all; may be <paramref name="path"/>.</param>
    /// <param name="signer">The key and its certificate.</param>
    /// <param name="progress">Told the bytes read, then the bytes written so far.</param>
    /// <param name="cancellationToken">Ends the work early.</param>
    /// <returns>The image's measurements, with PCR8.</returns>
    /// <exception cref="EifException">The file is not an acceptable image.</exception>
    /// <exception cref="EifSigningException">The image cannot be signed.</exception>
    public static EifMeasurements Sign(string path, string outputPath, EifSigner signer, IProgress<long>? progress = null,
        CancellationToken cancellationToken = default)
    {
        ArgumentNullException.ThrowIfNull(signer);
        using var output = new WholeFile(outputPath, new FileInfo(path) is { Exists: true, Length: var length } ? length : 0);
        EifMeasurements measurements;
        using (var image = EifFile.Open(path))
        {
            measurements = image.Measure(progress, cancellationToken);
            if (!image.IsSigned && image.Sections.Count == EifHeader.MaxSections)
            {
                throw new EifSigningException(EifSigningError.NoFreeSection,
                    $"The image has {EifHeader.MaxSections} sections; a signature needs one more.");
            }

            byte[] section = signer.Sign(measurements.Pcr0).Encode();
            Write(image, section, output.Stream, progress, cancellationToken);
        }

        output.Commit();
        return measurements with { Pcr8 = signer.Pcr8 };
    }

    static void Write(EifFile image, byte[] signature, Stream output, IProgress<long>? progress, CancellationToken cancellationToken)
    {
        using var writer = new EifWriter(output, image.Header, progress);
        foreach (var section in image.Sections)
        {
            if (section.Type == EifSectionType.Signature)
            {
                writer.WriteSection(EifSectionType.Signature, signature);
                continue;
            }

            using var data = image.OpenSection(section);
            using var copy = writer.BeginSection(section.Type);
            StreamCopy.Copy(data, copy, cancellationToken);
        }

        if (!image.IsSigned)
        {
            writer.WriteSection(EifSectionType.Signature, signature);
        }

        writer.Finish();
    }
}
