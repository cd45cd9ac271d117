using System.Globalization;
using System.Text;
using NitroEnclaves.Images;

namespace NitroEnclaves.Cli.Inspecting;

/// <summary>An image as people read it: what it is, its sections with place and size, its registers, its signer.</summary>
static class ImageTable
{
    /// <summary>The whole table, each line ended.</summary>
    /// <param name="image">The image, read strictly.</param>
    /// <param name="description">What was measured.</param>
    public static string Write(EifFile image, EifDescription description)
    {
        var text = new StringBuilder();
        var metadata = description.Metadata;
        Line(text, "image", metadata is null ? "(no metadata)" : $"{metadata.ImageName} {metadata.ImageVersion}");
        Line(text, "file", $"{Size(image.Length)}, EIF version {description.Version}, {ArchitectureNames.Of(image.Architecture)}");
        if (metadata is not null)
        {
            Line(text, "built", $"{metadata.BuildTime} by {metadata.BuildTool} {metadata.BuildToolVersion}");
            Line(text, "system", $"{metadata.OperatingSystem} {metadata.KernelVersion}");
        }

        Line(text, "cmdline", image.CommandLine);
        text.Append("\nsection              offset              size\n");
        foreach (var section in image.Sections)
        {
            text.Append(CultureInfo.InvariantCulture, $"{section.Type,-13} {section.Offset,13:N0} {section.Size,17:N0}  {Share(section.Size, image.Length)}\n");
        }

        text.Append('\n');
        Line(text, "PCR0", $"{description.Measurements.Pcr0}  the image");
        Line(text, "PCR1", $"{description.Measurements.Pcr1}  kernel, command line, first ramdisk");
        Line(text, "PCR2", $"{description.Measurements.Pcr2}  the application");
        if (description.Measurements.Pcr8 is { } pcr8)
        {
            Line(text, "PCR8", $"{pcr8}  the signing certificate");
        }

        Line(text, "signature", Signature(description));
        return text.ToString();
    }

    static string Signature(EifDescription description) => description.SigningCertificate is not { } certificate
        ? "none"
        : string.Create(CultureInfo.InvariantCulture,
            $"{(description.SignatureMatches == true ? "of this image" : "NOT of this image")}, certificate valid {certificate.NotBefore:yyyy-MM-dd} to {certificate.NotAfter:yyyy-MM-dd}");

    static void Line(StringBuilder text, string name, string value) =>
        text.Append(CultureInfo.InvariantCulture, $"{name,-10} {PrintableText.Of(value)}\n");

    static string Size(long bytes) => bytes < 1 << 20
        ? string.Create(CultureInfo.InvariantCulture, $"{bytes:N0} bytes")
        : string.Create(CultureInfo.InvariantCulture, $"{bytes:N0} bytes ({bytes / (double)(1 << 20):N1} MiB)");

    static string Share(long part, long whole) => string.Create(CultureInfo.InvariantCulture, $"{100.0 * part / whole,5:N1} %");
}
