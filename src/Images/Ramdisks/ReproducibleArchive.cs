using System.Runtime.CompilerServices;

namespace NitroEnclaves.Images;

/// <summary>
/// Writes files to a cpio archive so that it is a function of paths, types, modes, owners and contents: inodes are counted from
/// 1, all modification times are the same, a hard link's content follows its last name (as GNU cpio has it).
/// </summary>
sealed class ReproducibleArchive(Stream output, DateTimeOffset modificationTime)
{
    /// <summary>2017-04-18T16:30:00Z, what linuxkit gives the files it makes itself: the time where none is asked for.</summary>
    public static DateTimeOffset DefaultTime { get; } = DateTimeOffset.FromUnixTimeSeconds(1492533000);

    readonly CpioWriter _cpio = new(output);
    readonly uint _modificationTime = (uint)Math.Clamp(modificationTime.ToUnixTimeSeconds(), 0, uint.MaxValue);
    uint _inodes;

    /// <summary>Writes one file that has one name.</summary>
    public void Add(string path, FileNode node, CancellationToken cancellationToken) =>
        Add(path, node, ++_inodes, 1, last: true, cancellationToken);

    /// <summary>Writes all files of a tree below a prefix.</summary>
    public void AddTree(string prefix, RootFileSystem tree, CancellationToken cancellationToken)
    {
        var links = new Dictionary<FileNode, Link>(ReferenceEqualityComparer.Instance);
        foreach (var (path, node) in tree.Files)
        {
            if (node.Content.Length > CpioWriter.MaxFileSize)
            {
                throw new RootFileSystemException(RootFileSystemError.FileTooLarge,
                    $"'{path}' has {node.Content.Length} bytes; a ramdisk's files have less than 4 GiB.");
            }

            if (node.Type is not (FileNodeType.Directory or FileNodeType.SymbolicLink))
            {
                System.Runtime.InteropServices.CollectionsMarshal.GetValueRefOrAddDefault(links, node, out _).Names++;
            }
        }

        foreach (var (path, node) in tree.Files)
        {
            ref var link = ref System.Runtime.InteropServices.CollectionsMarshal.GetValueRefOrNullRef(links, node);
            if (Unsafe.IsNullRef(ref link))
            {
                Add(prefix + path, node, cancellationToken);
                continue;
            }

            link.Inode = link.Inode == 0 ? ++_inodes : link.Inode;
            Add(prefix + path, node, link.Inode, link.Names, last: ++link.Written == link.Names, cancellationToken);
        }
    }

    /// <summary>Ends the archive.</summary>
    public void Finish() => _cpio.Finish(new CpioEntry { Name = "", Links = 1 });

    void Add(string path, FileNode node, uint inode, uint names, bool last, CancellationToken cancellationToken)
    {
        var entry = new CpioEntry
        {
            Name = path,
            Inode = inode,
            Mode = (uint)node.Type | (uint)(node.Mode & FileModes.Mask),
            UserId = node.UserId,
            GroupId = node.GroupId,
            Links = node.Type == FileNodeType.Directory ? 2 : names,
            ModificationTime = _modificationTime,
            TargetDeviceMajor = node.DeviceMajor,
            TargetDeviceMinor = node.DeviceMinor,
        };
        if (node.LinkTarget is { } target)
        {
            _cpio.Write(entry, UnixPath.Encode(target));
        }
        else
        {
            _cpio.Write(entry, last ? node.Content : FileContent.Empty, cancellationToken);
        }
    }

    struct Link
    {
        public uint Names;
        public uint Written;
        public uint Inode;
    }
}
