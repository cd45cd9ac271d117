using Microsoft.Win32.SafeHandles;

namespace NitroEnclaves.Images;

/// <summary>Bytes that can be read at any offset: a file or memory. Safe for several readers at once.</summary>
abstract class ByteSource : IDisposable
{
    /// <summary>Bytes in all, as of opening.</summary>
    public abstract long Length { get; }

    /// <summary>Reads at most <paramref name="buffer"/>.Length bytes; 0 only at the end (or for an empty buffer).</summary>
    public abstract int Read(long offset, Span<byte> buffer);

    /// <summary>Fills the buffer.</summary>
    /// <exception cref="EndOfStreamException">The source became shorter than it was.</exception>
    public void ReadExactly(long offset, Span<byte> buffer)
    {
        while (!buffer.IsEmpty)
        {
            int read = Read(offset, buffer);
            if (read == 0)
            {
                throw new EndOfStreamException($"The file ended at byte {offset} while it was being read.");
            }

            offset += read;
            buffer = buffer[read..];
        }
    }

    /// <summary>Closes the file, if it is one.</summary>
    public abstract void Dispose();

    /// <summary>Opens a file for reading.</summary>
    public static ByteSource OpenFile(string path) => new FileSource(File.OpenHandle(path, FileMode.Open, FileAccess.Read, FileShare.Read));

    /// <summary>
    /// Copies a stream to its end into a temporary file, which goes away with the source: for what can be read only once, or
    /// unpacks while it is read.
    /// </summary>
    /// <param name="stream">Read from where it stands.</param>
    /// <param name="limit">The most bytes to take.</param>
    /// <param name="cancellationToken">Ends the copying early.</param>
    /// <exception cref="IOException">There are more bytes than the limit.</exception>
    public static ByteSource Spool(Stream stream, long limit, CancellationToken cancellationToken)
    {
        string path = Path.Combine(Path.GetTempPath(), $"nitro-images-{Guid.NewGuid():N}.tmp");
        var options = OperatingSystem.IsWindows() ? FileOptions.DeleteOnClose : FileOptions.None;
        var file = new FileStream(path, FileMode.CreateNew, FileAccess.ReadWrite, FileShare.None, bufferSize: 0, options);
        try
        {
            if (!OperatingSystem.IsWindows())
            {
                // Without its name the file lives as long as it is open, even if this process is killed.
                File.Delete(path);
            }

            StreamCopy.Copy(stream, file, cancellationToken, limit);
            return new FileSource(file.SafeFileHandle, file);
        }
        catch
        {
            file.Dispose();
            throw;
        }
    }

    /// <summary>A range of this source, which stays the owner.</summary>
    public ByteSource Slice(long offset, long length)
    {
        ArgumentOutOfRangeException.ThrowIfNegative(offset);
        ArgumentOutOfRangeException.ThrowIfNegative(length);
        ArgumentOutOfRangeException.ThrowIfGreaterThan(length, Length - offset);
        return new SliceSource(this, offset, length);
    }

    /// <summary>Reads from memory.</summary>
    public static ByteSource FromMemory(ReadOnlyMemory<byte> bytes) => new MemorySource(bytes);

    sealed class FileSource(SafeFileHandle file, FileStream? owner = null) : ByteSource
    {
        public override long Length { get; } = RandomAccess.GetLength(file);

        public override int Read(long offset, Span<byte> buffer) => RandomAccess.Read(file, buffer, offset);

        public override void Dispose()
        {
            owner?.Dispose();
            file.Dispose();
        }
    }

    sealed class SliceSource(ByteSource source, long start, long length) : ByteSource
    {
        public override long Length => length;

        public override int Read(long offset, Span<byte> buffer) =>
            offset >= length ? 0 : source.Read(start + offset, buffer[..(int)Math.Min(buffer.Length, length - offset)]);

        public override void Dispose()
        {
        }
    }

    sealed class MemorySource(ReadOnlyMemory<byte> bytes) : ByteSource
    {
        public override long Length => bytes.Length;

        public override int Read(long offset, Span<byte> buffer)
        {
            if (offset >= bytes.Length)
            {
                return 0;
            }

            int count = Math.Min(buffer.Length, bytes.Length - (int)offset);
            bytes.Span.Slice((int)offset, count).CopyTo(buffer);
            return count;
        }

        public override void Dispose()
        {
        }
    }
}
