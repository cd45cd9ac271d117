using System.Globalization;
using System.Text;

namespace NitroEnclaves.Images;

/// <summary>Takes an image apart into files.</summary>
public static class EifExtraction
{
    /// <summary>
    /// Writes <c>kernel</c>, <c>cmdline</c>, <c>metadata.json</c>, <c>ramdisk-1</c> and so on, <c>certificate.pem</c> and
    /// <c>signature.cose</c> of a signed image, and the root file system as <c>rootfs.tar</c>.
    /// </summary>
    /// <param name="image">The image.</param>
    /// <param name="folder">Where; made if it is missing, and files in it of these names are replaced.</param>
    /// <param name="cancellationToken">Ends the writing early.</param>
    /// <returns>The paths of the files written.</returns>
    /// <exception cref="RootFileSystemException">A ramdisk cannot be taken apart; everything else is written by then.</exception>
    public static IReadOnlyList<string> Extract(EifFile image, string folder, CancellationToken cancellationToken = default)
    {
        ArgumentNullException.ThrowIfNull(image);
        Directory.CreateDirectory(folder);
        var written = new List<string>();
        Write("kernel", output => CopySection(image, EifSectionType.Kernel, output));
        Write("cmdline", output => output.Write(Encoding.UTF8.GetBytes(image.CommandLine)));
        if (image.Metadata is not null)
        {
            Write("metadata.json", output => CopySection(image, EifSectionType.Metadata, output));
        }

        int number = 0;
        foreach (var ramdisk in image.Ramdisks)
        {
            Write(string.Create(CultureInfo.InvariantCulture, $"ramdisk-{++number}"), output => Copy(image, ramdisk, output));
        }

        if (image.Signature is { } signature)
        {
            Write("certificate.pem", output => output.Write(signature.CertificatePem.Span));
            Write("signature.cose", output => output.Write(signature.Message.Span));
        }

        using var files = image.ReadRamdisks(cancellationToken);
        using var root = files.Subtree("rootfs");
        Write("rootfs.tar", output => root.WriteTar(output, cancellationToken));
        return written;

        void Write(string name, Action<Stream> write)
        {
            string path = Path.Combine(folder, name);
            using var file = new WholeFile(path);
            write(file.Stream);
            file.Commit();
            written.Add(path);
        }

        void CopySection(EifFile image, EifSectionType type, Stream output) =>
            Copy(image, image.Sections.First(section => section.Type == type), output);

        void Copy(EifFile image, EifSection section, Stream output)
        {
            using var data = image.OpenSection(section);
            StreamCopy.Copy(data, output, cancellationToken);
        }
    }
}
