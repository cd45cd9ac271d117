using System.Text;
using System.Text.Unicode;

namespace NitroEnclaves.Cbor;

public ref partial struct CborReader
{
    /// <summary>Reads a byte string in one piece.</summary>
    /// <returns>The bytes, inside the reader's data.</returns>
    /// <exception cref="CborException">The next item is none, or in chunks.</exception>
    public ReadOnlySpan<byte> ReadByteString() => ReadDefiniteString(CborMajorType.ByteString);

    /// <summary>Reads a text string in one piece.</summary>
    /// <returns>Its UTF-8 bytes, found valid, inside the reader's data.</returns>
    /// <exception cref="CborException">The next item is none, in chunks, or not UTF-8.</exception>
    public ReadOnlySpan<byte> ReadTextStringBytes() => ReadDefiniteString(CborMajorType.TextString);

    /// <summary>Reads a byte string of either form into <paramref name="destination"/>.</summary>
    /// <returns>The number of bytes copied.</returns>
    /// <exception cref="CborException">The next item is none, or longer than <paramref name="destination"/>.</exception>
    public int ReadByteString(scoped Span<byte> destination) => ReadString(CborMajorType.ByteString, destination);

    /// <summary>Reads a text string of either form into <paramref name="destination"/>, as UTF-8.</summary>
    /// <returns>The number of bytes copied.</returns>
    /// <exception cref="CborException">The next item is none, not UTF-8, or longer than <paramref name="destination"/>.</exception>
    public int ReadTextStringBytes(scoped Span<byte> destination) => ReadString(CborMajorType.TextString, destination);

    /// <summary>Reads a text string of either form.</summary>
    /// <exception cref="CborException">The next item is none, or not UTF-8.</exception>
    public string ReadTextString()
    {
        if (!NextHead(CborMajorType.TextString).IsIndefinite)
        {
            return Encoding.UTF8.GetString(ReadTextStringBytes());
        }

        // A code point may not be split between chunks (RFC 8949 section 3.2.3), so the pieces decode one by one to the same text.
        var bytes = new byte[MeasureChunks(CborMajorType.TextString, out _, out _)];
        ReadString(CborMajorType.TextString, bytes);
        return Encoding.UTF8.GetString(bytes);
    }

    /// <summary>Reads a byte string of either form into an array of its own.</summary>
    /// <exception cref="CborException">The next item is none.</exception>
    public byte[] ReadByteArray()
    {
        if (!NextHead(CborMajorType.ByteString).IsIndefinite)
        {
            return ReadByteString().ToArray();
        }

        var bytes = new byte[MeasureChunks(CborMajorType.ByteString, out _, out _)];
        ReadString(CborMajorType.ByteString, bytes);
        return bytes;
    }

    ReadOnlySpan<byte> ReadDefiniteString(CborMajorType type)
    {
        var head = NextHead(type);
        if (head.IsIndefinite)
        {
            CborException.Throw(CborError.IndefiniteLengthString, _position);
        }

        var content = Content(head, _position);
        Consume(head, content.Length);
        return content;
    }

    int ReadString(CborMajorType type, scoped Span<byte> destination)
    {
        var head = NextHead(type);
        if (!head.IsIndefinite)
        {
            var content = Content(head, _position);
            if (!content.TryCopyTo(destination))
            {
                CborException.Throw(CborError.DestinationTooSmall, _position);
            }

            Consume(head, content.Length);
            return content.Length;
        }

        var total = MeasureChunks(type, out var end, out var isShortest);
        if (total > destination.Length)
        {
            CborException.Throw(CborError.DestinationTooSmall, _position);
        }

        for (int position = _position + 1, written = 0; written < total;)
        {
            var chunk = CborHead.Decode(_data, position);
            var length = (int)chunk.Argument;
            _data.Slice(position + chunk.Length, length).CopyTo(destination[written..]);
            written += length;
            position += chunk.Length + length;
        }

        ConsumeChunks(head, end, isShortest);
        return total;
    }

    /// <summary>Steps over a string in chunks that <see cref="MeasureChunks"/> has found well-formed.</summary>
    void ConsumeChunks(scoped in CborHead head, int end, bool isShortest)
    {
        Note(head);
        IsShortestForm = isShortest;
        IsShortestFormThroughout &= isShortest;
        _position = end;
        CountItem();
    }

    /// <summary>Walks the chunks of the string at the current position, checking each.</summary>
    /// <param name="type">The type of the string and of each chunk.</param>
    /// <param name="end">The position after the break byte.</param>
    /// <param name="isShortest">Whether all lengths are in their shortest form.</param>
    /// <returns>The length of all chunks together.</returns>
    readonly int MeasureChunks(CborMajorType type, out int end, out bool isShortest)
    {
        isShortest = true;
        var total = 0;
        var position = _position + 1;
        while (true)
        {
            var chunk = CborHead.Decode(_data, position);
            if (chunk.IsBreak)
            {
                end = position + 1;
                return total;
            }

            if (chunk.MajorType != type || chunk.IsIndefinite)
            {
                CborException.Throw(CborError.InvalidChunk, position);
            }

            var length = Content(chunk, position).Length;
            total += length;
            isShortest &= chunk.IsShortest;
            position += chunk.Length + length;
        }
    }

    /// <summary>
    /// The content of a definite-length string whose head stands at <paramref name="position"/>; text is found to be UTF-8.
    /// </summary>
    readonly ReadOnlySpan<byte> Content(scoped in CborHead head, int position)
    {
        var rest = _data[(position + head.Length)..];
        if (head.Argument > (ulong)rest.Length)
        {
            CborException.Throw(CborError.LengthExceedsData, position);
        }

        var content = rest[..(int)head.Argument];
        if (head.MajorType == CborMajorType.TextString && !Utf8.IsValid(content))
        {
            CborException.Throw(CborError.InvalidUtf8, position + head.Length);
        }

        return content;
    }
}
