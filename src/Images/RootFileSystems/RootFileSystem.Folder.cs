namespace NitroEnclaves.Images;

public sealed partial class RootFileSystem
{
    /// <summary>A root file system from a folder of this machine.</summary>
    /// <param name="path">The folder. Its content is read when a ramdisk is written, and must not change until then.</param>
    /// <param name="keepOwners">True to keep owners and groups (Linux only); else everything belongs to root.</param>
    /// <remarks>
    /// Symbolic links stay as they are and are never followed. On Linux hard links are kept; elsewhere they become separate
    /// files. The root itself gets mode 0755, whatever the folder's own is.
    /// </remarks>
    /// <exception cref="RootFileSystemException">There is a socket, or a name Linux does not take.</exception>
    /// <exception cref="IOException">The folder or something in it cannot be read.</exception>
    public static RootFileSystem FromFolder(string path, bool keepOwners = false)
    {
        var result = new RootFileSystem();
        result.AddFolder("", path, keepOwners);
        return result;
    }

    /// <summary>Puts the content of a folder of this machine below a path.</summary>
    /// <param name="path">Where in the tree; empty for the root. Missing folders on the way come to be (0755).</param>
    /// <param name="folder">The folder of this machine.</param>
    /// <param name="keepOwners">True to keep owners and groups (Linux only); else everything belongs to root.</param>
    /// <inheritdoc cref="FromFolder" path="/exception"/>
    public void AddFolder(string path, string folder, bool keepOwners = false)
    {
        ArgumentNullException.ThrowIfNull(path);
        ArgumentException.ThrowIfNullOrEmpty(folder);
        if (Split(path).Length > 0 && Find(path) is not { Type: FileNodeType.Directory })
        {
            Set(path, FileNode.Directory());
        }

        var links = new Dictionary<(ulong, ulong), FileNode>();
        var left = new Stack<(string Path, DirectoryInfo Folder)>([(path, new DirectoryInfo(folder))]);
        while (left.TryPop(out var next))
        {
            foreach (var file in next.Folder.EnumerateFileSystemInfos())
            {
                string filePath = $"{next.Path}/{file.Name}";
                var status = FileStatus.Read(file);
                if (status.Links > 1 && links.TryGetValue(status.Identity, out var known))
                {
                    Set(filePath, known);
                    continue;
                }

                var node = ToNode(file, status, keepOwners);
                Set(filePath, node);
                if (status.Type == FileNodeType.Directory)
                {
                    left.Push((filePath, new DirectoryInfo(file.FullName)));
                }
                else if (status.Links > 1)
                {
                    links.Add(status.Identity, node);
                }
            }
        }
    }

    static FileNode ToNode(FileSystemInfo file, in FileStatus status, bool keepOwners) => new()
    {
        Type = status.Type,
        Mode = status.Type == FileNodeType.SymbolicLink ? FileModes.All : status.Mode,
        UserId = keepOwners ? status.UserId : 0,
        GroupId = keepOwners ? status.GroupId : 0,
        ModificationTime = status.ModificationTime,
        LinkTarget = status.Type == FileNodeType.SymbolicLink ? file.LinkTarget : null,
        DeviceMajor = status.DeviceMajor,
        DeviceMinor = status.DeviceMinor,
        Content = status.Type == FileNodeType.RegularFile ? FileContent.FromFile(file.FullName) : FileContent.Empty,
    };
}
