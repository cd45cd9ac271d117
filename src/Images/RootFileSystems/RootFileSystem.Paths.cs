namespace NitroEnclaves.Images;

public sealed partial class RootFileSystem
{
    const int MaxSymbolicLinks = 40;

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

        throw new RootFileSystemException(RootFileSystemError.TooManySymbolicLinks,
            $"The way to '{path}' has more than {MaxSymbolicLinks} symbolic links.");
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
                    throw new RootFileSystemException(RootFileSystemError.TooManySymbolicLinks,
                        $"The way to '{path}' has more than {MaxSymbolicLinks} symbolic links.");
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
                    ? throw new RootFileSystemException(RootFileSystemError.NotADirectory,
                        $"'{name}' on the way to '{path}' is not a folder.")
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
}
