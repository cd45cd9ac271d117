using Microsoft.Win32.SafeHandles;

namespace NitroEnclaves.Images;

/// <summary>Bytes that can be read at any offset: a file or memory. Safe for several readers at once.</summary>
abstract class ImageSource : IDisposable
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
    public static ImageSource OpenFile(string path) => new FileSource(File.OpenHandle(path, FileMode.Open, FileAccess.Read, FileShare.Read));

    /// <summary>Reads from memory.</summary>
    public static ImageSource FromMemory(ReadOnlyMemory<byte> bytes) => new MemorySource(bytes);

    sealed class FileSource(SafeFileHandle file) : ImageSource
    {
        public override long Length { get; } = RandomAccess.GetLength(file);

        public override int Read(long offset, Span<byte> buffer) => RandomAccess.Read(file, buffer, offset);

        public override void Dispose() => file.Dispose();
    }

    sealed class MemorySource(ReadOnlyMemory<byte> bytes) : ImageSource
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
