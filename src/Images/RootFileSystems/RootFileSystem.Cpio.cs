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

            // The data comes with any one of the names, and is then that of all.
            var key = (entry.DeviceMajor, entry.DeviceMinor, entry.Inode);
            if (!links.TryGetValue(key, out var known) || known.Node.Type != node.Type)
            {
                links[key] = known = new HardLinks(node);
            }
            else if (node.Content.Length > 0)
            {
                known.Content.Source = node.Content;
            }

            Set(entry.Name, known.Node);
            if (++known.Names == entry.Links)
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
        public HardLinks(FileNode first)
        {
            Content = new LinkedContent { Source = first.Content };
            Node = new FileNode
            {
                Type = first.Type,
                Mode = first.Mode,
                UserId = first.UserId,
                GroupId = first.GroupId,
                ModificationTime = first.ModificationTime,
                DeviceMajor = first.DeviceMajor,
                DeviceMinor = first.DeviceMinor,
                Content = Content,
            };
        }

        public FileNode Node { get; }

        public LinkedContent Content { get; }

        public uint Names { get; set; }
    }

    /// <summary>The content of a file with several names, of which a later one may bring the data.</summary>
    sealed class LinkedContent : FileContent
    {
        public required FileContent Source { get; set; }

        public override long Length => Source.Length;

        public override Stream OpenRead() => Source.OpenRead();

        internal override ByteSource OpenSource() => Source.OpenSource();
    }
}
