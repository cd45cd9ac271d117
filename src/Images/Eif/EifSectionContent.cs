namespace NitroEnclaves.Images;

/// <summary>The data of a section to be written: a file, bytes, or something that is made while it is written.</summary>
public abstract class EifSectionContent
{
    /// <summary>Writes the data, in pieces of any size, without closing the stream.</summary>
    /// <param name="output">The section; written only.</param>
    /// <param name="cancellationToken">Ends the writing early.</param>
    public abstract void WriteTo(Stream output, CancellationToken cancellationToken);

    /// <summary>About how many bytes there will be, for room on the disk; 0 where nothing is known.</summary>
    public virtual long ExpectedLength => 0;

    /// <summary>The bytes of a file, read when the section is written.</summary>
    /// <param name="path">The file.</param>
    public static EifSectionContent FromFile(string path)
    {
        ArgumentException.ThrowIfNullOrEmpty(path);
        return new FileContent(path);
    }

    /// <summary>These bytes, not copied.</summary>
    public static EifSectionContent FromMemory(ReadOnlyMemory<byte> bytes) => new MemoryContent(bytes);

    sealed class FileContent(string path) : EifSectionContent
    {
        public override long ExpectedLength => new FileInfo(path) is { Exists: true, Length: var length } ? length : 0;

        public override void WriteTo(Stream output, CancellationToken cancellationToken)
        {
            using var input = ByteSource.OpenFile(path);
            StreamCopy.Copy(new SliceStream(input, 0, input.Length), output, cancellationToken);
        }
    }

    sealed class MemoryContent(ReadOnlyMemory<byte> bytes) : EifSectionContent
    {
        public override long ExpectedLength => bytes.Length;

        public override void WriteTo(Stream output, CancellationToken cancellationToken) => output.Write(bytes.Span);
    }
}
