namespace NitroEnclaves.Images;

public sealed partial class RootFileSystem
{
    const string WhiteoutPrefix = ".wh.";
    const string WhiteoutMetaPrefix = ".wh..wh.";
    const string OpaqueWhiteout = ".wh..wh..opq";

    /// <summary>A root file system from a tar archive: plain, or packed with gzip, zstd or xz.</summary>
    /// <param name="path">The archive; it stays open, and contents are read from it, until this object is disposed of.</param>
    /// <param name="cancellationToken">Ends the reading early.</param>
    /// <remarks>Owners and modes are kept, the root's too if the archive has it; extended attributes are not.</remarks>
    /// <exception cref="RootFileSystemException">The archive is malformed, or holds what a root file system cannot.</exception>
    /// <exception cref="IOException">The archive cannot be read.</exception>
    public static RootFileSystem FromTar(string path, CancellationToken cancellationToken = default)
    {
        var result = new RootFileSystem();
        try
        {
            var file = result.Own(ByteSource.OpenFile(path));
            result.AddFiles(result.Own(ArchiveCompression.Unpack(file, cancellationToken)), isLayer: false, cancellationToken);
            return result;
        }
        catch
        {
            result.Dispose();
            throw;
        }
    }

    /// <summary>
    /// Puts a layer of a container image over what is there. Its whiteouts take away what lower layers have, never its own files,
    /// wherever in the archive they stand.
    /// </summary>
    /// <param name="layer">An unpacked tar archive that stays open as long as this object is used.</param>
    /// <param name="cancellationToken">Ends the reading early.</param>
    internal void AddLayer(ByteSource layer, CancellationToken cancellationToken)
    {
        var whiteouts = new TarReader(layer);
        while (whiteouts.Read() is { } entry)
        {
            cancellationToken.ThrowIfCancellationRequested();
            ApplyWhiteout(entry.Path);
        }

        AddFiles(layer, isLayer: true, cancellationToken);
    }

    /// <summary>Disposes of a source together with this object.</summary>
    internal ByteSource Own(ByteSource source)
    {
        _owned.Add(source);
        return source;
    }

    void AddFiles(ByteSource archive, bool isLayer, CancellationToken cancellationToken)
    {
        var reader = new TarReader(archive);
        while (reader.Read() is { } entry)
        {
            cancellationToken.ThrowIfCancellationRequested();
            if (!isLayer || !LastName(entry.Path).StartsWith(WhiteoutPrefix, StringComparison.Ordinal))
            {
                Set(entry.Path, entry.Type == TarEntryType.HardLink ? LinkedNode(entry) : ToNode(entry));
            }
        }
    }

    void ApplyWhiteout(string path)
    {
        string name = LastName(path);
        if (!name.StartsWith(WhiteoutPrefix, StringComparison.Ordinal))
        {
            return;
        }

        // Layers name files by their real place: a link on the way means that the layer puts a folder there.
        string[] names = Split(path);
        var folder = _root;
        foreach (string part in names.AsSpan(0, names.Length - 1))
        {
            if (!folder.Children!.TryGetValue(part, out var next) || next.Children is null)
            {
                return;
            }

            folder = next;
        }

        if (name == OpaqueWhiteout)
        {
            foreach (var (child, entry) in folder.Children!.ToList())
            {
                Forget(folder, child, entry);
            }
        }
        else if (!name.StartsWith(WhiteoutMetaPrefix, StringComparison.Ordinal)
            && folder.Children!.TryGetValue(name[WhiteoutPrefix.Length..], out var hidden))
        {
            Forget(folder, name[WhiteoutPrefix.Length..], hidden);
        }
    }

    FileNode LinkedNode(TarEntry entry) => Find(entry.LinkTarget) switch
    {
        null => throw new RootFileSystemException(RootFileSystemError.InvalidHardLink,
            $"'{entry.Path}' is a hard link to '{entry.LinkTarget}', which is not there."),
        { Type: FileNodeType.Directory } =>
            throw new RootFileSystemException(RootFileSystemError.InvalidHardLink,
            $"'{entry.Path}' is a hard link to the folder '{entry.LinkTarget}'."),
        var node => node,
    };

    static FileNode ToNode(TarEntry entry) => new()
    {
        Type = entry.Type switch
        {
            TarEntryType.RegularFile => FileNodeType.RegularFile,
            TarEntryType.SymbolicLink => FileNodeType.SymbolicLink,
            TarEntryType.CharacterDevice => FileNodeType.CharacterDevice,
            TarEntryType.BlockDevice => FileNodeType.BlockDevice,
            TarEntryType.Directory => FileNodeType.Directory,
            _ => FileNodeType.Fifo,
        },
        Mode = entry.Mode,
        UserId = entry.UserId,
        GroupId = entry.GroupId,
        ModificationTime = DateTimeOffset.FromUnixTimeSeconds(Math.Clamp(entry.ModificationTime, 0, uint.MaxValue)),
        LinkTarget = entry.Type != TarEntryType.SymbolicLink ? null
            : entry.LinkTarget.Length is > 0 and < UnixPath.MaxLength ? entry.LinkTarget
            : throw new RootFileSystemException(RootFileSystemError.PathTooLong,
                $"'{entry.Path}' is a symbolic link to a path that is empty or longer than Linux takes."),
        DeviceMajor = entry.DeviceMajor,
        DeviceMinor = entry.DeviceMinor,
        Content = entry.Content,
    };

    static string LastName(string path)
    {
        string trimmed = path.TrimEnd('/');
        return trimmed[(trimmed.LastIndexOf('/') + 1)..];
    }
}
