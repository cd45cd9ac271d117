namespace NitroEnclaves.Images;

/// <summary>A tree of files that will be an enclave's root: names and attributes in memory, contents where they are.</summary>
/// <remarks>
/// Paths are relative to the root, "/" between names; leading, doubled and trailing slashes and "." do not matter, ".." is
/// refused. Symbolic links on the way to a file are followed within the tree, as a process inside would see them. Names that
/// are not UTF-8 carry each odd byte as the lone surrogate U+DC00 + byte.
/// </remarks>
public sealed partial class RootFileSystem : IDisposable
{
    /// <summary>The most files a tree takes.</summary>
    public const int MaxFiles = 4_000_000;

    const int MaxSymbolicLinks = 40;

    readonly Entry _root = new(FileNode.Directory());
    readonly List<IDisposable> _owned = [];

    /// <summary>How many files the tree has, the root not counted.</summary>
    public int Count { get; private set; }

    /// <summary>
    /// All files but the root: each folder before what it holds, names sorted by their UTF-8 bytes. A node that comes up again is
    /// a hard link.
    /// </summary>
    public IEnumerable<(string Path, FileNode Node)> Files
    {
        get
        {
            var open = new Stack<(string Path, SortedDictionary<string, Entry>.Enumerator Children)>();
            open.Push(("", _root.Children!.GetEnumerator()));
            while (open.TryPop(out var folder))
            {
                var children = folder.Children;
                if (!children.MoveNext())
                {
                    continue;
                }

                open.Push((folder.Path, children));
                var (name, entry) = children.Current;
                string path = folder.Path.Length == 0 ? name : $"{folder.Path}/{name}";
                yield return (path, entry.Node);
                if (entry.Children is not null)
                {
                    open.Push((path, entry.Children.GetEnumerator()));
                }
            }
        }
    }

    /// <summary>Bytes of all contents together, those with several names counted for each, and something for names and headers.</summary>
    internal long ContentLength
    {
        get
        {
            const int perFile = 256;
            long length = 0;
            foreach (var (_, node) in Files)
            {
                length += node.Content.Length + perFile;
            }

            return length;
        }
    }

    /// <summary>The file at a path, symbolic links on the way followed but not the last; null where there is none.</summary>
    /// <param name="path">The path; empty for the root.</param>
    /// <exception cref="RootFileSystemException">The path is not acceptable.</exception>
    public FileNode? Find(string path) => FindEntry(path)?.Node;

    /// <summary>
    /// Puts a file at a path. Folders that are missing on the way come to be (0755, root). A folder put over a folder changes its
    /// attributes and keeps what it holds; anything else replaces what was there.
    /// </summary>
    /// <param name="path">The path; empty for the root itself, which must be a folder.</param>
    /// <param name="node">The file; the same node at two paths is a hard link.</param>
    /// <exception cref="RootFileSystemException">The path or the node is not acceptable.</exception>
    public void Set(string path, FileNode node)
    {
        ArgumentNullException.ThrowIfNull(node);
        string[] names = Split(path);
        if (names.Length == 0)
        {
            _root.Node = node.Type == FileNodeType.Directory
                ? node
                : throw new RootFileSystemException(RootFileSystemError.NotADirectory, "The root is not a folder.");
            return;
        }

        var folder = Resolve(names.AsSpan(0, names.Length - 1), path, create: true)!;
        if (folder.Children!.TryGetValue(names[^1], out var existing))
        {
            if (existing.Children is not null && node.Type == FileNodeType.Directory)
            {
                existing.Node = node;
                return;
            }

            Forget(folder, names[^1], existing);
        }

        Add(folder, names[^1], node);
    }

    /// <summary>Takes away the file at a path with everything it holds; false where there is none.</summary>
    /// <param name="path">The path, not of the root.</param>
    /// <exception cref="RootFileSystemException">The path is not acceptable.</exception>
    public bool Remove(string path)
    {
        string[] names = Split(path);
        if (names.Length == 0)
        {
            throw new RootFileSystemException(RootFileSystemError.InvalidPath, "The root cannot be taken away.");
        }

        if (Resolve(names.AsSpan(0, names.Length - 1), path, create: false) is not { } folder || !folder.Children!.TryGetValue(names[^1], out var entry))
        {
            return false;
        }

        Forget(folder, names[^1], entry);
        return true;
    }

    /// <summary>The file at a path, symbolic links followed to the end; null where there is none.</summary>
    internal FileNode? FindTarget(string path)
    {
        for (int links = 0; links <= MaxSymbolicLinks; links++)
        {
            var node = FindEntry(path)?.Node;
            if (node?.LinkTarget is not { } target)
            {
                return node;
            }

            string folder = path.Contains('/', StringComparison.Ordinal) ? path[..path.LastIndexOf('/')] : "";
            path = Normalize(target.StartsWith('/') ? target : $"{folder}/{target}");
        }

        throw new RootFileSystemException(RootFileSystemError.TooManySymbolicLinks, $"The way to '{path}' has more than {MaxSymbolicLinks} symbolic links.");
    }

    /// <summary>Closes the archives and removes the temporary files that contents were read from.</summary>
    public void Dispose()
    {
        foreach (var source in _owned)
        {
            source.Dispose();
        }

        _owned.Clear();
    }

    static string[] Split(string path)
    {
        ArgumentNullException.ThrowIfNull(path);
        string[] names = [.. path.Split('/').Where(name => name.Length > 0 && name != ".")];
        int length = 0;
        foreach (string name in names)
        {
            if (name == ".." || name.Contains('\0', StringComparison.Ordinal))
            {
                throw new RootFileSystemException(RootFileSystemError.InvalidPath, $"'{path}' is not a path within the root.");
            }

            int bytes = UnixPath.Encode(name).Length;
            length += bytes + 1;
            if (bytes > UnixPath.MaxNameLength || length > UnixPath.MaxLength)
            {
                throw new RootFileSystemException(RootFileSystemError.PathTooLong, $"'{path}' is longer than Linux takes.");
            }
        }

        return names;
    }

    /// <summary>Takes ".." out of a link's target; the root is its own parent.</summary>
    static string Normalize(string path)
    {
        var names = new List<string>();
        foreach (string name in path.Split('/'))
        {
            if (name != "..")
            {
                names.Add(name);
            }
            else if (names.Count > 0)
            {
                names.RemoveAt(names.Count - 1);
            }
        }

        return string.Join('/', names);
    }

    Entry? FindEntry(string path)
    {
        string[] names = Split(path);
        if (names.Length == 0)
        {
            return _root;
        }

        var folder = Resolve(names.AsSpan(0, names.Length - 1), path, create: false);
        return folder is not null && folder.Children!.TryGetValue(names[^1], out var entry) ? entry : null;
    }

    /// <summary>The folder that these names lead to, symbolic links followed within the tree.</summary>
    Entry? Resolve(ReadOnlySpan<string> names, string path, bool create)
    {
        var way = new Stack<Entry>([_root]);
        var ahead = new Stack<string>();
        Push(names);
        for (int links = 0; ahead.TryPop(out string? name);)
        {
            var folder = way.Peek();
            if (name == "..")
            {
                // Only from link targets; the root is its own parent.
                if (way.Count > 1)
                {
                    way.Pop();
                }

                continue;
            }

            if (!folder.Children!.TryGetValue(name, out var entry))
            {
                if (!create)
                {
                    return null;
                }

                entry = Add(folder, name, FileNode.Directory());
            }

            if (entry.Children is not null)
            {
                way.Push(entry);
            }
            else if (entry.Node.LinkTarget is { } target)
            {
                if (++links > MaxSymbolicLinks)
                {
                    throw new RootFileSystemException(RootFileSystemError.TooManySymbolicLinks, $"The way to '{path}' has more than {MaxSymbolicLinks} symbolic links.");
                }

                if (target.StartsWith('/'))
                {
                    way = new Stack<Entry>([_root]);
                }

                Push([.. target.Split('/').Where(part => part.Length > 0 && part != ".")]);
            }
            else
            {
                return create
                    ? throw new RootFileSystemException(RootFileSystemError.NotADirectory, $"'{name}' on the way to '{path}' is not a folder.")
                    : null;
            }
        }

        return way.Peek();

        void Push(ReadOnlySpan<string> parts)
        {
            for (int i = parts.Length - 1; i >= 0; i--)
            {
                ahead.Push(parts[i]);
            }
        }
    }

    Entry Add(Entry folder, string name, FileNode node)
    {
        if (Count == MaxFiles)
        {
            throw new RootFileSystemException(RootFileSystemError.TooManyFiles, $"There are more than {MaxFiles} files.");
        }

        var entry = new Entry(node);
        folder.Children!.Add(name, entry);
        Count++;
        return entry;
    }

    void Forget(Entry folder, string name, Entry entry)
    {
        folder.Children!.Remove(name);
        var left = new Stack<Entry>([entry]);
        while (left.TryPop(out var next))
        {
            Count--;
            foreach (var child in next.Children?.Values ?? Enumerable.Empty<Entry>())
            {
                left.Push(child);
            }
        }
    }

    sealed class Entry(FileNode node)
    {
        public FileNode Node { get; set; } = node;

        public SortedDictionary<string, Entry>? Children { get; } = node.Type == FileNodeType.Directory ? new(Utf8Order.Instance) : null;
    }
}
