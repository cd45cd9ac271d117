using System.Globalization;
using System.Security.Cryptography;
using System.Text;

namespace NitroEnclaves.Images;

/// <summary>Says why two images differ: which part, which word of the command line, which file.</summary>
public static class EifComparison
{
    /// <summary>Compares two images.</summary>
    /// <param name="left">The first image.</param>
    /// <param name="right">The second image.</param>
    /// <param name="cancellationToken">Ends the reading early.</param>
    /// <returns>All differences, in the order of the file; none for images that are the same but for the signature's own bytes.</returns>
    /// <remarks>Ramdisks that cannot be taken apart are compared as a whole.</remarks>
    public static IReadOnlyList<EifDifference> Compare(EifFile left, EifFile right, CancellationToken cancellationToken = default)
    {
        ArgumentNullException.ThrowIfNull(left);
        ArgumentNullException.ThrowIfNull(right);
        var found = new List<EifDifference>();
        Add(found, "header", "version", Number(left.Header.Version), Number(right.Header.Version));
        Add(found, "header", "architecture", left.Architecture.ToString(), right.Architecture.ToString());
        CompareKernels(found, left, right, cancellationToken);
        CompareCommandLines(found, left.CommandLine, right.CommandLine);
        CompareMetadata(found, left.Metadata, right.Metadata);
        CompareRamdisks(found, left, right, cancellationToken);
        Add(found, "signature", "certificate", left.Signature?.Pcr8.ToString(), right.Signature?.Pcr8.ToString(), 8);
        return found;
    }

    static void CompareKernels(List<EifDifference> found, EifFile left, EifFile right, CancellationToken cancellationToken)
    {
        using var first = left.OpenKernel();
        using var second = right.OpenKernel();
        Add(found, "kernel", "", Digest(first, cancellationToken), Digest(second, cancellationToken), 0, 1);
        first.Position = second.Position = 0;
        Add(found, "kernel", "version", LinuxKernelImage.Read(first).Version, LinuxKernelImage.Read(second).Version, 0, 1);
    }

    static void CompareCommandLines(List<EifDifference> found, string left, string right)
    {
        string[] first = left.Split(' ');
        string[] second = right.Split(' ');
        var onlyFirst = Without(first, second);
        var onlySecond = Without(second, first);
        foreach (string word in onlyFirst)
        {
            Add(found, "command line", "word", word, null, 0, 1);
        }

        foreach (string word in onlySecond)
        {
            Add(found, "command line", "word", null, word, 0, 1);
        }

        if (left != right && onlyFirst.Count + onlySecond.Count == 0)
        {
            Add(found, "command line", "order", left, right, 0, 1);
        }
    }

    static void CompareMetadata(List<EifDifference> found, EifMetadata? left, EifMetadata? right)
    {
        (string Name, Func<EifMetadata, string?> Value)[] fields =
        [
            ("ImageName", metadata => metadata.ImageName),
            ("ImageVersion", metadata => metadata.ImageVersion),
            ("BuildTime", metadata => metadata.BuildTime),
            ("BuildTool", metadata => metadata.BuildTool),
            ("BuildToolVersion", metadata => metadata.BuildToolVersion),
            ("OperatingSystem", metadata => metadata.OperatingSystem),
            ("KernelVersion", metadata => metadata.KernelVersion),
            ("DockerInfo", metadata => OrderedJson.ToText(metadata.DockerInfo)),
            ("CustomMetadata", metadata => OrderedJson.ToText(metadata.CustomMetadata)),
        ];
        foreach (var (name, value) in fields)
        {
            Add(found, "metadata", name, left is null ? null : value(left), right is null ? null : value(right));
        }
    }

    static void CompareRamdisks(List<EifDifference> found, EifFile left, EifFile right, CancellationToken cancellationToken)
    {
        var first = left.Ramdisks.ToList();
        var second = right.Ramdisks.ToList();
        for (int i = 0; i < Math.Max(first.Count, second.Count); i++)
        {
            string part = string.Create(CultureInfo.InvariantCulture, $"ramdisk {i + 1}");
            int[] registers = i == 0 ? [0, 1] : [0, 2];
            if (i >= first.Count || i >= second.Count)
            {
                string? onlyFirst = i < first.Count ? Size(first[i].Size) : null;
                string? onlySecond = i < second.Count ? Size(second[i].Size) : null;
                Add(found, part, "", onlyFirst, onlySecond, registers);
                continue;
            }

            using var firstData = left.OpenSection(first[i]);
            using var secondData = right.OpenSection(second[i]);
            string firstDigest = Digest(firstData, cancellationToken);
            string secondDigest = Digest(secondData, cancellationToken);
            if (firstDigest != secondDigest
                && !TryCompareFiles(found, part, registers, left, first[i], right, second[i], cancellationToken))
            {
                Add(found, part, "", firstDigest, secondDigest, registers);
            }
        }
    }

    static bool TryCompareFiles(
        List<EifDifference> found, string part, int[] registers, EifFile left, EifSection first, EifFile right, EifSection second,
        CancellationToken cancellationToken)
    {
        int before = found.Count;
        try
        {
            using var firstFiles = left.ReadRamdisk(first, cancellationToken);
            using var secondFiles = right.ReadRamdisk(second, cancellationToken);
            CompareTrees(found, part, registers, firstFiles, secondFiles, cancellationToken);
        }
        catch (RootFileSystemException)
        {
            found.RemoveRange(before, found.Count - before);
            return false;
        }

        // The same files in another order, or with other times or inodes, make another ramdisk too.
        if (found.Count == before)
        {
            Add(found, part, "layout", $"{Size(first.Size)}, the same files", $"{Size(second.Size)} in another order, or with other times",
                registers);
        }

        return true;
    }

    static void CompareTrees(List<EifDifference> found, string part, int[] registers, RootFileSystem left, RootFileSystem right,
        CancellationToken cancellationToken)
    {
        foreach (var (path, node) in left.Files)
        {
            var other = right.Find(path);
            string? first = Describe(node, other, cancellationToken);
            string? second = other is null ? null : Describe(other, node, cancellationToken);
            Add(found, part, path, first, second, registers);
        }

        foreach (var (path, node) in right.Files)
        {
            if (left.Find(path) is null)
            {
                Add(found, part, path, null, Describe(node, null, cancellationToken), registers);
            }
        }
    }

    /// <summary>A file in a line. Content is only hashed where it could differ: where there is another file of the same size.</summary>
    static string Describe(FileNode node, FileNode? other, CancellationToken cancellationToken)
    {
        var text = new StringBuilder();
        text.Append(CultureInfo.InvariantCulture, $"{node.Type} {Convert.ToString((int)node.Mode, 8)} {node.UserId}:{node.GroupId}");
        _ = node.Type switch
        {
            FileNodeType.SymbolicLink => text.Append(CultureInfo.InvariantCulture, $" -> {node.LinkTarget}"),
            FileNodeType.BlockDevice or FileNodeType.CharacterDevice =>
                text.Append(CultureInfo.InvariantCulture, $" {node.DeviceMajor}:{node.DeviceMinor}"),
            FileNodeType.RegularFile => text.Append(CultureInfo.InvariantCulture, $" {node.Content.Length} bytes"),
            _ => text,
        };
        if (node.Type == FileNodeType.RegularFile && other?.Content.Length == node.Content.Length)
        {
            using var content = node.Content.OpenRead();
            text.Append(' ').Append(Digest(content, cancellationToken));
        }

        return text.ToString();
    }

    static List<string> Without(string[] words, string[] others)
    {
        var left = others.ToList();
        return [.. words.Where(word => !left.Remove(word))];
    }

    static string Digest(Stream stream, CancellationToken cancellationToken)
    {
        using var hash = IncrementalHash.CreateHash(HashAlgorithmName.SHA256);
        byte[] buffer = new byte[1 << 17];
        for (int read; (read = stream.Read(buffer)) > 0;)
        {
            cancellationToken.ThrowIfCancellationRequested();
            hash.AppendData(buffer, 0, read);
        }

        return "sha256:" + Convert.ToHexStringLower(hash.GetHashAndReset());
    }

    static void Add(List<EifDifference> found, string part, string subject, string? left, string? right, params int[] registers)
    {
        if (left != right)
        {
            found.Add(new EifDifference(part, subject, left, right, registers));
        }
    }

    static string Number(int value) => value.ToString(CultureInfo.InvariantCulture);

    static string Size(long bytes) => string.Create(CultureInfo.InvariantCulture, $"{bytes} bytes");
}
