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


    readonly Entry _root = new(FileNode.Directory());
    readonly List<IDisposable> _owned = [];

    /// <summary>How many files the tree has, the root not counted.</summary>
    public int Count { get; private set; }

    /// <summary>
    /// All files but the root: each folder before what it holds, names sorted by their UTF-8 bytes. A node that comes up again is
    /// a hard link.
    /// </summary>
    public IEnumerable<(string Path, FileNode Node)> Files => Walk(_root);

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

        if (Resolve(names.AsSpan(0, names.Length - 1), path, create: false) is not { } folder
            || !folder.Children!.TryGetValue(names[^1], out var entry))
        {
            return false;
        }

        Forget(folder, names[^1], entry);
        return true;
    }

    /// <summary>
    /// The files below a folder as a tree of their own; empty where there is no such folder. Contents stay this tree's, which must be
    /// kept as long.
    /// </summary>
    /// <param name="path">The folder.</param>
    /// <exception cref="RootFileSystemException">The path is not acceptable.</exception>
    public RootFileSystem Subtree(string path)
    {
        var result = new RootFileSystem();
        if (FindEntry(path) is not { Children: not null } folder)
        {
            return result;
        }

        result._root.Node = folder.Node;
        foreach (var (below, node) in Walk(folder))
        {
            result.Set(below, node);
        }

        return result;
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

    static IEnumerable<(string Path, FileNode Node)> Walk(Entry top)
    {
        var open = new Stack<(string Path, SortedDictionary<string, Entry>.Enumerator Children)>();
        open.Push(("", top.Children!.GetEnumerator()));
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
