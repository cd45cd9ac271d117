namespace NitroEnclaves.Images;

/// <summary>The content of a regular file, read when it is needed: from a disk, from within an archive, from memory.</summary>
public abstract class FileContent
{
    /// <summary>Content of no bytes.</summary>
    public static FileContent Empty { get; } = FromMemory(ReadOnlyMemory<byte>.Empty);

    /// <summary>Bytes in all.</summary>
    public abstract long Length { get; }

    /// <summary>Opens the content for reading from its start.</summary>
    /// <exception cref="IOException">It cannot be opened, or its length is no longer <see cref="Length"/>.</exception>
    public abstract Stream OpenRead();

    /// <summary>A file of this machine, as long as it is now.</summary>
    /// <param name="path">The file.</param>
    public static FileContent FromFile(string path)
    {
        ArgumentException.ThrowIfNullOrEmpty(path);
        return new DiskContent(path, new FileInfo(path).Length);
    }

    /// <summary>These bytes, not copied.</summary>
    public static FileContent FromMemory(ReadOnlyMemory<byte> bytes) => new SourceContent(ByteSource.FromMemory(bytes));

    /// <summary>The content for reading at any place; the caller disposes of it, which leaves the content usable.</summary>
    internal virtual ByteSource OpenSource()
    {
        using var stream = OpenRead();
        return ByteSource.Spool(stream, Length, CancellationToken.None);
    }

    /// <summary>All of a source that stays open as long as this content is used.</summary>
    internal static FileContent FromSource(ByteSource source) => new SourceContent(source);

    sealed class DiskContent(string path, long length) : FileContent
    {
        public override long Length => length;

        public override Stream OpenRead()
        {
            var stream = new FileStream(path, FileMode.Open, FileAccess.Read, FileShare.ReadWrite, bufferSize: 0);
            if (stream.Length == length)
            {
                return stream;
            }

            stream.Dispose();
            throw new IOException($"'{path}' had {length} bytes and changed while it was being read.");
        }

        internal override ByteSource OpenSource() => ByteSource.OpenFile(path);
    }

    sealed class SourceContent(ByteSource source) : FileContent
    {
        public override long Length => source.Length;

        public override Stream OpenRead() => new SliceStream(source, 0, source.Length);

        internal override ByteSource OpenSource() => source.Slice(0, source.Length);
    }
}
