using System.Buffers.Binary;

namespace NitroEnclaves.Cbor;

/// <summary>
/// The head of an item (RFC 8949 section 3): major type, additional information, argument.
/// </summary>
/// <remarks>
/// <code>
/// 7 6 5 4 3 2 1 0
/// major | ai        ai 0..23: the argument itself; 24, 25, 26, 27: in the next 1, 2, 4, 8 bytes, big-endian;
///                   28..30: reserved; 31: indefinite length (types 2 to 5), break (type 7)
/// </code>
/// </remarks>
readonly struct CborHead(CborMajorType majorType, byte additionalInformation, ulong argument, int length)
{
    internal const byte Break = 0xFF;
    internal const byte IndefiniteLength = 31;

    internal CborMajorType MajorType { get; } = majorType;

    internal byte AdditionalInformation { get; } = additionalInformation;

    /// <summary>The integer, length, count, tag or simple value; 0 for an indefinite length.</summary>
    internal ulong Argument { get; } = argument;

    /// <summary>Bytes of the head itself, 1 to 9.</summary>
    internal int Length { get; } = length;

    internal bool IsIndefinite => AdditionalInformation == IndefiniteLength;

    internal bool IsBreak => IsIndefinite && MajorType == CborMajorType.Simple;

    /// <summary>Whether no shorter head has the same argument. Floating-point numbers have no other form here.</summary>
    internal bool IsShortest => AdditionalInformation switch
    {
        24 => MajorType == CborMajorType.Simple || Argument >= 24,
        25 => MajorType == CborMajorType.Simple || Argument > byte.MaxValue,
        26 => MajorType == CborMajorType.Simple || Argument > ushort.MaxValue,
        27 => MajorType == CborMajorType.Simple || Argument > uint.MaxValue,
        _ => true,
    };

    /// <summary>Decodes the head at <paramref name="offset"/>; refuses reserved forms.</summary>
    /// <exception cref="CborException">The data ends early or the head is malformed.</exception>
    internal static CborHead Decode(ReadOnlySpan<byte> data, int offset)
    {
        if ((uint)offset >= (uint)data.Length)
        {
            CborException.Throw(CborError.UnexpectedEndOfData, offset);
        }

        var rest = data[offset..];
        var majorType = (CborMajorType)(rest[0] >> 5);
        var additionalInformation = (byte)(rest[0] & 0x1F);
        if (additionalInformation < 24)
        {
            return new CborHead(majorType, additionalInformation, additionalInformation, 1);
        }

        if (additionalInformation > 27)
        {
            var hasIndefinite = majorType is (>= CborMajorType.ByteString and <= CborMajorType.Map) or CborMajorType.Simple;
            if (additionalInformation != IndefiniteLength || !hasIndefinite)
            {
                CborException.Throw(CborError.ReservedAdditionalInformation, offset);
            }

            return new CborHead(majorType, additionalInformation, 0, 1);
        }

        var width = 1 << (additionalInformation - 24);
        if (rest.Length <= width)
        {
            CborException.Throw(CborError.UnexpectedEndOfData, data.Length);
        }

        ulong argument = width switch
        {
            1 => rest[1],
            2 => BinaryPrimitives.ReadUInt16BigEndian(rest[1..]),
            4 => BinaryPrimitives.ReadUInt32BigEndian(rest[1..]),
            _ => BinaryPrimitives.ReadUInt64BigEndian(rest[1..]),
        };
        if (majorType == CborMajorType.Simple && width == 1 && argument < 32)
        {
            CborException.Throw(CborError.InvalidSimpleValue, offset);
        }

        return new CborHead(majorType, additionalInformation, argument, 1 + width);
    }
}
