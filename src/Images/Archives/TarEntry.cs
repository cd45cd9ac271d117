namespace NitroEnclaves.Images;

/// <summary>A file in a tar archive, with what extended headers said about it.</summary>
sealed class TarEntry
{
    /// <summary>The path as it is in the archive, a folder's trailing slash included.</summary>
    public required string Path { get; init; }

    public required TarEntryType Type { get; init; }

    public UnixFileMode Mode { get; init; }

    public uint UserId { get; init; }

    public uint GroupId { get; init; }

    /// <summary>Seconds since 1970.</summary>
    public long ModificationTime { get; init; }

    /// <summary>The target of a hard or symbolic link.</summary>
    public string LinkTarget { get; init; } = "";

    public uint DeviceMajor { get; init; }

    public uint DeviceMinor { get; init; }

    /// <summary>The content of a regular file, holes filled.</summary>
    public FileContent Content { get; init; } = FileContent.Empty;
}
