namespace NitroEnclaves.Images;

/// <summary>
/// A file of any kind without its name: what Unix calls an inode. The same node under several names is a hard link.
/// </summary>
public sealed class FileNode
{
    /// <summary>What the file is.</summary>
    public required FileNodeType Type { get; init; }

    /// <summary>The low twelve mode bits: permissions, set-user-id, set-group-id, sticky.</summary>
    public required UnixFileMode Mode { get; init; }

    /// <summary>The owner's number.</summary>
    public uint UserId { get; init; }

    /// <summary>The group's number.</summary>
    public uint GroupId { get; init; }

    /// <summary>The last modification, whole seconds count.</summary>
    public DateTimeOffset ModificationTime { get; init; } = DateTimeOffset.UnixEpoch;

    /// <summary>Where a symbolic link points; null for everything else.</summary>
    public string? LinkTarget { get; init; }

    /// <summary>The major number of a device.</summary>
    public uint DeviceMajor { get; init; }

    /// <summary>The minor number of a device.</summary>
    public uint DeviceMinor { get; init; }

    /// <summary>The content of a regular file; empty for everything else.</summary>
    public FileContent Content { get; init; } = FileContent.Empty;

    /// <summary>A folder that belongs to root.</summary>
    /// <param name="mode">The low twelve mode bits.</param>
    public static FileNode Directory(UnixFileMode mode = FileModes.Executable) => new() { Type = FileNodeType.Directory, Mode = mode };

    /// <summary>A regular file that belongs to root.</summary>
    /// <param name="content">The file's content.</param>
    /// <param name="mode">The low twelve mode bits.</param>
    public static FileNode RegularFile(FileContent content, UnixFileMode mode = FileModes.Plain) =>
        new() { Type = FileNodeType.RegularFile, Mode = mode, Content = content };

    /// <summary>A symbolic link that belongs to root.</summary>
    /// <param name="target">Where it points.</param>
    public static FileNode SymbolicLink(string target) =>
        new() { Type = FileNodeType.SymbolicLink, Mode = FileModes.All, LinkTarget = target };
}
