using System.Diagnostics.CodeAnalysis;

namespace NitroEnclaves.Cbor;

/// <summary>CBOR data is malformed or not of the shape asked for, or a writer's destination is full.</summary>
public sealed class CborException : FormatException
{
    /// <summary>Creates the exception.</summary>
    /// <param name="error">What is wrong.</param>
    /// <param name="offset">The byte, from the start of the data, at which it is wrong.</param>
    public CborException(CborError error, int offset)
        : base($"CBOR: {Describe(error)} (at byte {offset}).")
    {
        Error = error;
        Offset = offset;
    }

    /// <summary>What is wrong.</summary>
    public CborError Error { get; }

    /// <summary>The byte, from the start of the data, at which it is wrong.</summary>
    public int Offset { get; }

    [DoesNotReturn]
    internal static void Throw(CborError error, int offset) => throw new CborException(error, offset);

    [DoesNotReturn]
    internal static T Throw<T>(CborError error, int offset) => throw new CborException(error, offset);

    static string Describe(CborError error) => error switch
    {
        CborError.UnexpectedEndOfData => "the data ends early",
        CborError.ReservedAdditionalInformation => "reserved additional information",
        CborError.InvalidSimpleValue => "invalid simple value",
        CborError.UnexpectedType => "an item of another type was expected",
        CborError.IntegerOverflow => "the integer is out of range",
        CborError.LengthExceedsData => "a length exceeds the data",
        CborError.DepthExceeded => "arrays and maps are nested too deeply",
        CborError.InvalidUtf8 => "a text string is not UTF-8",
        CborError.InvalidChunk => "a chunk of a string is not a definite-length string of its type",
        CborError.IndefiniteLengthString => "a string in one piece was expected",
        CborError.UnexpectedBreak => "a break stands outside an indefinite-length item",
        CborError.EndOfContainer => "the array or map has no further item",
        CborError.ContainerNotFinished => "the array or map has further items",
        CborError.MissingMapValue => "a map ends after a key",
        CborError.MissingTaggedValue => "a tag has no value",
        CborError.TrailingData => "bytes follow the last item",
        CborError.DestinationTooSmall => "the destination is too small",
        _ => error.ToString(),
    };
}
