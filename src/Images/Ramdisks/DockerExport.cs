namespace NitroEnclaves.Images;

/// <summary>
/// The entries that <c>docker export</c> would give for a container made from these files: a walk in the order of names, with the
/// files that Docker itself puts into every container where the image lacks them.
/// </summary>
static class DockerExport
{
    static readonly (string Path, FileNode Node)[] s_ofDocker =
    [
        ("dev", FileNode.Directory()),
        ("dev/pts", FileNode.Directory()),
        ("dev/shm", FileNode.Directory()),
        ("etc", FileNode.Directory()),
        ("etc/hosts", FileNode.RegularFile(FileContent.Empty, FileModes.Executable)),
        ("etc/mtab", FileNode.SymbolicLink("/proc/mounts")),
        ("etc/resolv.conf", FileNode.RegularFile(FileContent.Empty, FileModes.Executable)),
        ("proc", FileNode.Directory()),
        ("sys", FileNode.Directory()),
    ];

    /// <summary>The entries; Docker's files are added to the tree.</summary>
    public static IEnumerable<TarEntry> Entries(RootFileSystem root)
    {
        foreach (var (path, node) in s_ofDocker)
        {
            if (root.Find(path) is null)
            {
                root.Set(path, node);
            }
        }

        var firstNames = new Dictionary<FileNode, string>(ReferenceEqualityComparer.Instance);
        foreach (var (path, node) in root.Files)
        {
            bool first = node.Type is FileNodeType.Directory or FileNodeType.SymbolicLink || firstNames.TryAdd(node, path);
            yield return new TarEntry
            {
                Path = node.Type == FileNodeType.Directory ? path + "/" : path,
                Type = first ? ToType(node.Type) : TarEntryType.HardLink,
                Mode = node.Mode,
                UserId = node.UserId,
                GroupId = node.GroupId,
                ModificationTime = node.ModificationTime.ToUnixTimeSeconds(),
                LinkTarget = first ? node.LinkTarget ?? "" : firstNames[node],
                DeviceMajor = node.DeviceMajor,
                DeviceMinor = node.DeviceMinor,
                Content = first ? node.Content : FileContent.Empty,
            };
        }
    }

    static TarEntryType ToType(FileNodeType type) => type switch
    {
        FileNodeType.RegularFile => TarEntryType.RegularFile,
        FileNodeType.SymbolicLink => TarEntryType.SymbolicLink,
        FileNodeType.CharacterDevice => TarEntryType.CharacterDevice,
        FileNodeType.BlockDevice => TarEntryType.BlockDevice,
        FileNodeType.Directory => TarEntryType.Directory,
        _ => TarEntryType.Fifo,
    };
}
