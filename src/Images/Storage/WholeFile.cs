namespace NitroEnclaves.Images;

/// <summary>
/// A file that appears whole or not at all: written beside its destination under a name of its own, renamed over it by
/// <see cref="Commit"/>, and removed by <see cref="Dispose"/> where that did not happen.
/// </summary>
sealed class WholeFile : IDisposable
{
    readonly string _path;
    readonly string _temporaryPath;
    bool _committed;

    public WholeFile(string path)
    {
        _path = Path.GetFullPath(path);
        if (Directory.Exists(_path))
        {
            throw new IOException($"'{path}' is a folder.");
        }

        _temporaryPath = Path.Combine(Path.GetDirectoryName(_path)!, $".{Path.GetFileName(_path)}.{Guid.NewGuid():N}.tmp");
        Stream = new FileStream(_temporaryPath, FileMode.CreateNew, FileAccess.ReadWrite, FileShare.Read, bufferSize: 0);
    }

    /// <summary>Where to write; readable and seekable too.</summary>
    public FileStream Stream { get; }

    /// <summary>Brings the bytes to the disk and the file to its place.</summary>
    public void Commit()
    {
        Stream.Flush(flushToDisk: true);
        Stream.Dispose();
        File.Move(_temporaryPath, _path, overwrite: true);
        _committed = true;
    }

    public void Dispose()
    {
        Stream.Dispose();
        if (!_committed)
        {
            File.Delete(_temporaryPath);
        }
    }
}
