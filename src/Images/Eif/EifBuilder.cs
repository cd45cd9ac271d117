using System.Text;

namespace NitroEnclaves.Images;

/// <summary>
/// Puts an image together from a kernel, its command line, ramdisks and metadata, as the reference's eif_build does: the same
/// inputs give the same bytes.
/// </summary>
public sealed class EifBuilder
{
    /// <summary>The most ramdisks an image takes: one less where a signature will be added.</summary>
    public const int MaxRamdisks = EifHeader.MaxSections - 3;

    static readonly UTF8Encoding s_strictUtf8 = new(encoderShouldEmitUTF8Identifier: false, throwOnInvalidBytes: true);

    /// <summary>The processor architecture the header names.</summary>
    public EifArchitecture Architecture { get; init; }

    /// <summary>The kernel; not looked into.</summary>
    public required EifSectionContent Kernel { get; init; }

    /// <summary>The kernel's command line, written as it is.</summary>
    public required string CommandLine { get; init; }

    /// <summary>
    /// The ramdisks in the order in which the kernel gets them, at least one; the first counts into PCR1, the others into PCR2.
    /// </summary>
    public required IReadOnlyList<EifSectionContent> Ramdisks { get; init; }

    /// <summary>The metadata.</summary>
    public required EifMetadata Metadata { get; init; }

    /// <summary>Signs the image; null to leave it unsigned.</summary>
    public EifSigner? Signer { get; init; }

    /// <summary>Writes the image to a file, which appears whole or not at all, and returns its measurements.</summary>
    /// <param name="path">The file; replaced if it exists.</param>
    /// <param name="progress">Told the bytes of the image written so far.</param>
    /// <param name="cancellationToken">Ends the writing early; no file is left then.</param>
    /// <exception cref="ArgumentException">A property's value does not fit the format.</exception>
    /// <exception cref="EifSigningException">The signer's certificate expired meanwhile, or its key failed.</exception>
    /// <exception cref="IOException">An input cannot be read or the output not be written.</exception>
    public EifMeasurements Build(string path, IProgress<long>? progress = null, CancellationToken cancellationToken = default)
    {
        ArgumentException.ThrowIfNullOrEmpty(path);
        using var file = new WholeFile(path, Kernel.ExpectedLength + Ramdisks.Sum(ramdisk => ramdisk.ExpectedLength));
        var measurements = Write(file.Stream, progress, cancellationToken);
        file.Commit();
        return measurements;
    }

    /// <summary>Writes the image to a stream, and returns its measurements.</summary>
    /// <param name="output">Seekable and writable; the image begins where it stands. It stays open.</param>
    /// <param name="progress">Told the bytes of the image written so far.</param>
    /// <param name="cancellationToken">Ends the writing early.</param>
    /// <exception cref="ArgumentException">A property's value does not fit the format.</exception>
    /// <exception cref="EifSigningException">The signer's certificate expired meanwhile, or its key failed.</exception>
    /// <exception cref="IOException">An input cannot be read or the output not be written.</exception>
    public EifMeasurements Write(Stream output, IProgress<long>? progress = null, CancellationToken cancellationToken = default)
    {
        ArgumentNullException.ThrowIfNull(output);
        byte[] commandLine = EncodeCommandLine();
        byte[] metadata = Metadata.ToJson();
        if (metadata.Length > EifLayout.MaxMetadata)
        {
            throw new ArgumentException($"The metadata has {metadata.Length} bytes; {EifLayout.MaxMetadata} are the most.");
        }

        int maxRamdisks = Signer is null ? MaxRamdisks : MaxRamdisks - 1;
        if (Ramdisks.Count == 0 || Ramdisks.Count > maxRamdisks)
        {
            throw new ArgumentException($"{Ramdisks.Count} ramdisks; an image has 1 to {maxRamdisks}.");
        }

        using var writer = new EifWriter(output, Architecture, progress);
        WriteSection(writer, EifSectionType.Kernel, Kernel, cancellationToken);
        writer.WriteSection(EifSectionType.CommandLine, commandLine);
        writer.WriteSection(EifSectionType.Metadata, metadata);
        foreach (var ramdisk in Ramdisks)
        {
            WriteSection(writer, EifSectionType.Ramdisk, ramdisk, cancellationToken);
        }

        if (Signer is not null)
        {
            writer.WriteSection(EifSectionType.Signature, Signer.Sign(writer.Measurements.Pcr0).Encode());
        }

        return writer.Finish(Signer?.Pcr8);
    }

    static void WriteSection(EifWriter writer, EifSectionType type, EifSectionContent content, CancellationToken cancellationToken)
    {
        using var section = writer.BeginSection(type);
        content.WriteTo(section, cancellationToken);
    }

    byte[] EncodeCommandLine()
    {
        if (CommandLine.Contains('\0', StringComparison.Ordinal))
        {
            throw new ArgumentException("The command line holds a NUL.");
        }

        byte[] bytes;
        try
        {
            bytes = s_strictUtf8.GetBytes(CommandLine);
        }
        catch (EncoderFallbackException e)
        {
            throw new ArgumentException("The command line is not valid Unicode.", e);
        }

        return bytes.Length <= EifLayout.MaxCommandLine
            ? bytes
            : throw new ArgumentException($"The command line has {bytes.Length} bytes; {EifLayout.MaxCommandLine} are the most.");
    }
}
