using System.Buffers;
using System.Buffers.Binary;

namespace NitroEnclaves.Cbor;

/// <summary>
/// Writes CBOR (RFC 8949) into a span or an <see cref="IBufferWriter{T}"/>: shortest heads, lengths as told.
/// </summary>
/// <remarks>
/// Nothing is allocated. The writer trusts its caller with counts: after <see cref="WriteStartMap(int)"/> as many pairs
/// have to follow, an indefinite length is ended by <see cref="WriteBreak"/>.
/// Over a span, what does not fit is a <see cref="CborException"/> with <see cref="CborError.DestinationTooSmall"/> and is not written;
/// over a buffer writer, <see cref="Flush"/> has to be called at the end.
/// </remarks>
public ref partial struct CborWriter
{
    readonly IBufferWriter<byte>? _output;
    Span<byte> _buffer;
    int _buffered;
    int _flushed;

    /// <summary>Writes into <paramref name="destination"/> from its first byte.</summary>
    public CborWriter(Span<byte> destination) => _buffer = destination;

    /// <summary>Writes into <paramref name="output"/>, which takes the bytes when its own room ends and at <see cref="Flush"/>.</summary>
    /// <exception cref="ArgumentNullException"><paramref name="output"/> is null.</exception>
    public CborWriter(IBufferWriter<byte> output)
    {
        ArgumentNullException.ThrowIfNull(output);
        _output = output;
    }

    /// <summary>The number of bytes written so far.</summary>
    public readonly int BytesWritten => _flushed + _buffered;

    /// <summary>Gives what is still held back to the buffer writer; over a span it does nothing.</summary>
    public void Flush()
    {
        if (_output is not null)
        {
            _output.Advance(_buffered);
            _flushed += _buffered;
            _buffer = default;
            _buffered = 0;
        }
    }

    /// <summary>The number of bytes of the shortest head of a length, count, tag or integer: 1, 2, 3, 5 or 9.</summary>
    public static int GetHeadLength(ulong argument) => argument switch
    {
        < 24 => 1,
        <= byte.MaxValue => 2,
        <= ushort.MaxValue => 3,
        <= uint.MaxValue => 5,
        _ => 9,
    };

    /// <summary>The next <paramref name="length"/> bytes of the destination, counted as written.</summary>
    Span<byte> Take(int length)
    {
        if (_buffer.Length - _buffered < length)
        {
            if (_output is null)
            {
                CborException.Throw(CborError.DestinationTooSmall, BytesWritten);
            }

            Flush();
            _buffer = _output.GetSpan(length);
        }

        var taken = _buffer.Slice(_buffered, length);
        _buffered += length;
        return taken;
    }

    void WriteHead(CborMajorType type, ulong argument) => PutHead(Take(GetHeadLength(argument)), type, argument);

    /// <summary>Head and content in one step, so that a string that does not fit leaves nothing behind.</summary>
    Span<byte> TakeString(CborMajorType type, int length)
    {
        var headLength = GetHeadLength((ulong)length);
        var item = Take(checked(headLength + length));
        PutHead(item[..headLength], type, (ulong)length);
        return item[headLength..];
    }

    static void PutHead(Span<byte> head, CborMajorType type, ulong argument)
    {
        var initial = (int)type << 5;
        switch (head.Length)
        {
            case 1:
                head[0] = (byte)(initial | (int)argument);
                return;
            case 2:
                head[0] = (byte)(initial | 24);
                head[1] = (byte)argument;
                return;
            case 3:
                head[0] = (byte)(initial | 25);
                BinaryPrimitives.WriteUInt16BigEndian(head[1..], (ushort)argument);
                return;
            case 5:
                head[0] = (byte)(initial | 26);
                BinaryPrimitives.WriteUInt32BigEndian(head[1..], (uint)argument);
                return;
            default:
                head[0] = (byte)(initial | 27);
                BinaryPrimitives.WriteUInt64BigEndian(head[1..], argument);
                return;
        }
    }
}
