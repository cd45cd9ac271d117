namespace NitroEnclaves.Images;

public sealed partial class RootFileSystem
{
    const uint ModeMask = 0xFFF;
    const uint TypeMask = 0xF000;

    /// <summary>
    /// Unpacks a ramdisk over what is there, as the kernel does: "newc" cpio archives, plain or packed with gzip, zstd or xz. Hard links
    /// come out as one node.
    /// </summary>
    /// <param name="ramdisk">The ramdisk; it stays open as long as this object is used.</param>
    /// <param name="cancellationToken">Ends the reading early.</param>
    internal void AddRamdisk(ByteSource ramdisk, CancellationToken cancellationToken)
    {
        var unpacked = Own(ArchiveCompression.Unpack(ramdisk, cancellationToken));
        var reader = new CpioReader(unpacked);
        var links = new Dictionary<(uint, uint, uint), HardLinks>();
        while (reader.Read(out var content) is { } entry)
        {
            cancellationToken.ThrowIfCancellationRequested();
            var node = ToNode(entry, content);
            if (entry.Links < 2 || node.Type is FileNodeType.Directory or FileNodeType.SymbolicLink)
            {
                Set(entry.Name, node);
                continue;
            }

            // The data comes with any one of the names: then all names get it.
            var key = (entry.DeviceMajor, entry.DeviceMinor, entry.Inode);
            if (!links.TryGetValue(key, out var known))
            {
                links.Add(key, known = new HardLinks { Node = node });
            }
            else if (node.Content.Length > 0)
            {
                known.Node = node;
            }

            known.Names.Add(entry.Name);
            foreach (string name in known.Node == node ? known.Names : [entry.Name])
            {
                Set(name, known.Node);
            }

            if (known.Names.Count == entry.Links)
            {
                links.Remove(key);
            }
        }
    }

    static FileNode ToNode(in CpioEntry entry, ByteSource content)
    {
        var type = (FileNodeType)(entry.Mode & TypeMask);
        if (!Enum.IsDefined(type))
        {
            throw new RootFileSystemException(RootFileSystemError.UnsupportedFileType,
                $"'{entry.Name}' has the unknown mode 0x{entry.Mode:x}.");
        }

        bool device = type is FileNodeType.BlockDevice or FileNodeType.CharacterDevice;
        return new FileNode
        {
            Type = type,
            Mode = (UnixFileMode)(entry.Mode & ModeMask),
            UserId = entry.UserId,
            GroupId = entry.GroupId,
            ModificationTime = DateTimeOffset.FromUnixTimeSeconds(entry.ModificationTime),
            LinkTarget = type == FileNodeType.SymbolicLink ? ReadTarget(entry.Name, content) : null,
            DeviceMajor = device ? entry.TargetDeviceMajor : 0,
            DeviceMinor = device ? entry.TargetDeviceMinor : 0,
            Content = type == FileNodeType.RegularFile ? FileContent.FromSource(content) : FileContent.Empty,
        };
    }

    static string ReadTarget(string path, ByteSource content)
    {
        if (content.Length is 0 or >= UnixPath.MaxLength)
        {
            throw new RootFileSystemException(RootFileSystemError.PathTooLong,
                $"'{path}' is a symbolic link to a path that is empty or longer than Linux takes.");
        }

        Span<byte> target = stackalloc byte[(int)content.Length];
        content.ReadExactly(0, target);
        return UnixPath.Decode(target);
    }

    sealed class HardLinks
    {
        public required FileNode Node { get; set; }

        public List<string> Names { get; } = [];
    }
}
