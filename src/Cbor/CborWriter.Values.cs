using System.Text;
using System.Text.Unicode;

namespace NitroEnclaves.Cbor;

public ref partial struct CborWriter
{
    static readonly UTF8Encoding StrictUtf8 = new(encoderShouldEmitUTF8Identifier: false, throwOnInvalidBytes: true);

    /// <summary>Writes an unsigned integer (major type 0).</summary>
    /// <exception cref="CborException">The destination is full.</exception>
    public void WriteUInt64(ulong value) => WriteHead(CborMajorType.UnsignedInteger, value);

    /// <summary>Writes a signed integer (major type 0 or 1).</summary>
    /// <exception cref="CborException">The destination is full.</exception>
    public void WriteInt64(long value) =>
        WriteHead(value < 0 ? CborMajorType.NegativeInteger : CborMajorType.UnsignedInteger, (ulong)(value < 0 ? ~value : value));

    /// <summary>Writes a byte string in one piece.</summary>
    /// <exception cref="CborException">The destination is full.</exception>
    public void WriteByteString(scoped ReadOnlySpan<byte> value) => value.CopyTo(TakeString(CborMajorType.ByteString, value.Length));

    /// <summary>Writes the head of a byte string and hands out the room of its content, which the caller fills at once.</summary>
    /// <param name="length">Bytes of the content, 0 or more.</param>
    /// <returns>The room, with whatever the destination held before.</returns>
    /// <exception cref="ArgumentOutOfRangeException"><paramref name="length"/> is negative.</exception>
    /// <exception cref="CborException">The destination is full.</exception>
    public Span<byte> WriteByteString(int length)
    {
        ArgumentOutOfRangeException.ThrowIfNegative(length);
        return TakeString(CborMajorType.ByteString, length);
    }

    /// <summary>Writes a text string in one piece.</summary>
    /// <exception cref="ArgumentException"><paramref name="value"/> has a surrogate without its other half.</exception>
    /// <exception cref="CborException">The destination is full.</exception>
    public void WriteTextString(scoped ReadOnlySpan<char> value)
    {
        var length = StrictUtf8.GetByteCount(value);
        StrictUtf8.GetBytes(value, TakeString(CborMajorType.TextString, length));
    }

    /// <summary>Writes a text string in one piece.</summary>
    /// <param name="utf8">The text, as UTF-8.</param>
    /// <exception cref="ArgumentException"><paramref name="utf8"/> is not UTF-8.</exception>
    /// <exception cref="CborException">The destination is full.</exception>
    public void WriteTextString(scoped ReadOnlySpan<byte> utf8)
    {
        if (!Utf8.IsValid(utf8))
        {
            throw new ArgumentException("The text is not UTF-8.", nameof(utf8));
        }

        utf8.CopyTo(TakeString(CborMajorType.TextString, utf8.Length));
    }

    /// <summary>Writes the head of an array; <paramref name="count"/> items follow.</summary>
    /// <exception cref="ArgumentOutOfRangeException"><paramref name="count"/> is negative.</exception>
    /// <exception cref="CborException">The destination is full.</exception>
    public void WriteStartArray(int count)
    {
        ArgumentOutOfRangeException.ThrowIfNegative(count);
        WriteHead(CborMajorType.Array, (ulong)count);
    }

    /// <summary>Writes the head of a map; <paramref name="count"/> pairs follow.</summary>
    /// <exception cref="ArgumentOutOfRangeException"><paramref name="count"/> is negative.</exception>
    /// <exception cref="CborException">The destination is full.</exception>
    public void WriteStartMap(int count)
    {
        ArgumentOutOfRangeException.ThrowIfNegative(count);
        WriteHead(CborMajorType.Map, (ulong)count);
    }

    /// <summary>Writes the head of an array of indefinite length; items follow, then <see cref="WriteBreak"/>.</summary>
    /// <exception cref="CborException">The destination is full.</exception>
    public void WriteStartIndefiniteArray() => WriteInitialByte(CborMajorType.Array, CborHead.IndefiniteLength);

    /// <summary>Writes the head of a map of indefinite length; pairs follow, then <see cref="WriteBreak"/>.</summary>
    /// <exception cref="CborException">The destination is full.</exception>
    public void WriteStartIndefiniteMap() => WriteInitialByte(CborMajorType.Map, CborHead.IndefiniteLength);

    /// <summary>Ends the array or map of indefinite length that was begun last.</summary>
    /// <exception cref="CborException">The destination is full.</exception>
    public void WriteBreak() => WriteInitialByte(CborMajorType.Simple, CborHead.IndefiniteLength);

    /// <summary>Writes a tag; the tagged item follows.</summary>
    /// <exception cref="CborException">The destination is full.</exception>
    public void WriteTag(ulong tag) => WriteHead(CborMajorType.Tag, tag);

    /// <summary>Writes false or true.</summary>
    /// <exception cref="CborException">The destination is full.</exception>
    public void WriteBoolean(bool value) => WriteInitialByte(CborMajorType.Simple, value ? CborReader.True : CborReader.False);

    /// <summary>Writes null.</summary>
    /// <exception cref="CborException">The destination is full.</exception>
    public void WriteNull() => WriteInitialByte(CborMajorType.Simple, CborReader.Null);

    /// <summary>Writes bytes that are CBOR already, as they are.</summary>
    /// <param name="encoded">One item or more, well-formed.</param>
    /// <exception cref="CborException">The destination is full.</exception>
    public void WriteEncodedValue(scoped ReadOnlySpan<byte> encoded) => encoded.CopyTo(Take(encoded.Length));

    void WriteInitialByte(CborMajorType type, byte additionalInformation) =>
        Take(1)[0] = (byte)((int)type << 5 | additionalInformation);
}
