using System.Formats.Tar;

namespace NitroEnclaves.Images;

public sealed partial class RootFileSystem
{
    /// <summary>
    /// Writes all files as a tar archive (PAX) with owners, modes, devices and hard links, as <c>tar</c> and <c>docker import</c>
    /// read it.
    /// </summary>
    /// <param name="output">Gets the archive; it stays open.</param>
    /// <param name="cancellationToken">Ends the writing early.</param>
    /// <remarks>Names that are not UTF-8 come out with replacement characters.</remarks>
    public void WriteTar(Stream output, CancellationToken cancellationToken = default)
    {
        var firstNames = new Dictionary<FileNode, string>(ReferenceEqualityComparer.Instance);
        using var writer = new TarWriter(output, TarEntryFormat.Pax, leaveOpen: true);
        foreach (var (path, node) in Files)
        {
            cancellationToken.ThrowIfCancellationRequested();
            bool first = node.Type is FileNodeType.Directory or FileNodeType.SymbolicLink || firstNames.TryAdd(node, path);
            var entry = new PaxTarEntry(first ? ToTarType(node.Type)
                : System.Formats.Tar.TarEntryType.HardLink, node.Type == FileNodeType.Directory ? path + "/" : path)
            {
                Mode = node.Mode,
                Uid = (int)Math.Min(node.UserId, int.MaxValue),
                Gid = (int)Math.Min(node.GroupId, int.MaxValue),
                ModificationTime = node.ModificationTime,
            };
            if (!first)
            {
                entry.LinkName = firstNames[node];
            }
            else if (node.LinkTarget is not null)
            {
                entry.LinkName = node.LinkTarget;
            }
            else if (node.Type is FileNodeType.BlockDevice or FileNodeType.CharacterDevice)
            {
                entry.DeviceMajor = (int)node.DeviceMajor;
                entry.DeviceMinor = (int)node.DeviceMinor;
            }

            using var content = first && node.Type == FileNodeType.RegularFile ? node.Content.OpenRead() : null;
            if (content is not null)
            {
                entry.DataStream = content;
            }

            writer.WriteEntry(entry);
        }
    }

    /// <summary>
    /// Writes folders, files and symbolic links into a folder of this machine. Links are made last, so that nothing is ever written
    /// through one.
    /// </summary>
    /// <param name="folder">The folder, which must be empty or absent.</param>
    /// <param name="cancellationToken">Ends the writing early.</param>
    /// <returns>The paths left out: devices and pipes, which have no meaning there. Owners are not kept, nor are hard links.</returns>
    /// <exception cref="IOException">Something cannot be written, or the folder is not empty.</exception>
    public IReadOnlyList<string> WriteFolder(string folder, CancellationToken cancellationToken = default)
    {
        Directory.CreateDirectory(folder);
        if (Directory.EnumerateFileSystemEntries(folder).Any())
        {
            throw new IOException($"'{folder}' is not empty.");
        }

        var left = new List<string>();
        foreach (var (path, node) in Files)
        {
            cancellationToken.ThrowIfCancellationRequested();
            string target = Path.Combine(folder, path);
            switch (node.Type)
            {
                case FileNodeType.Directory:
                    Directory.CreateDirectory(target);
                    break;
                case FileNodeType.RegularFile:
                    WriteFile(target, node, cancellationToken);
                    break;
                case FileNodeType.SymbolicLink:
                    break;
                default:
                    left.Add(path);
                    break;
            }
        }

        foreach (var (path, node) in Files.Where(file => file.Node.LinkTarget is not null))
        {
            File.CreateSymbolicLink(Path.Combine(folder, path), node.LinkTarget!);
        }

        // Modes of folders come last: one that may not be written to could not be filled.
        if (!OperatingSystem.IsWindows())
        {
            foreach (var (path, node) in Files.Where(file => file.Node.Type == FileNodeType.Directory).Reverse())
            {
                File.SetUnixFileMode(Path.Combine(folder, path), node.Mode);
            }
        }

        return left;
    }

    static void WriteFile(string target, FileNode node, CancellationToken cancellationToken)
    {
        using (var content = node.Content.OpenRead())
        using (var file = new FileStream(target, FileMode.CreateNew, FileAccess.Write, FileShare.None, bufferSize: 0))
        {
            StreamCopy.Copy(content, file, cancellationToken);
        }

        if (!OperatingSystem.IsWindows())
        {
            File.SetUnixFileMode(target, node.Mode);
        }
    }

    static System.Formats.Tar.TarEntryType ToTarType(FileNodeType type) => type switch
    {
        FileNodeType.RegularFile => System.Formats.Tar.TarEntryType.RegularFile,
        FileNodeType.Directory => System.Formats.Tar.TarEntryType.Directory,
        FileNodeType.SymbolicLink => System.Formats.Tar.TarEntryType.SymbolicLink,
        FileNodeType.CharacterDevice => System.Formats.Tar.TarEntryType.CharacterDevice,
        FileNodeType.BlockDevice => System.Formats.Tar.TarEntryType.BlockDevice,
        _ => System.Formats.Tar.TarEntryType.Fifo,
    };
}
