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

    /// <summary>Begins the file.</summary>
    /// <param name="path">Where it shall be.</param>
    /// <param name="expectedLength">
    /// About how long it will be; allocating that at once makes writing several times cheaper. 0 where nothing is known.
    /// </param>
    /// <exception cref="IOException">The file cannot be made, or there is not enough room for it.</exception>
    public WholeFile(string path, long expectedLength = 0)
    {
        _path = Path.GetFullPath(path);
        if (Directory.Exists(_path))
        {
            throw new IOException($"'{path}' is a folder.");
        }

        _temporaryPath = Path.Combine(Path.GetDirectoryName(_path)!, $".{Path.GetFileName(_path)}.{Guid.NewGuid():N}.tmp");
        Stream = new FileStream(_temporaryPath, new FileStreamOptions
        {
            Mode = FileMode.CreateNew,
            Access = FileAccess.ReadWrite,
            BufferSize = 0,
            PreallocationSize = expectedLength,
        });
    }

    /// <summary>Where to write; readable and seekable too.</summary>
    public FileStream Stream { get; }

    /// <summary>Brings the file to its place.</summary>
    /// <remarks>
    /// The bytes are not forced to the disk, which would take longer than making them: should the machine lose power at that moment,
    /// an image's checksum tells.
    /// </remarks>
    public void Commit()
    {
        Stream.SetLength(Stream.Length);
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
