namespace NitroEnclaves.Cbor;

/// <summary>Why CBOR data was refused.</summary>
public enum CborError
{
    /// <summary>The data ends inside an item, or where an item is expected.</summary>
    UnexpectedEndOfData,

    /// <summary>Additional information 28 to 30, or an indefinite length where RFC 8949 has none.</summary>
    ReservedAdditionalInformation,

    /// <summary>A two-byte simple value below 32 (RFC 8949 section 3.3).</summary>
    InvalidSimpleValue,

    /// <summary>An item of another type than the one asked for.</summary>
    UnexpectedType,

    /// <summary>The integer does not fit the type asked for.</summary>
    IntegerOverflow,

    /// <summary>A length or count that the remaining data cannot hold.</summary>
    LengthExceedsData,

    /// <summary>More arrays and maps inside each other than the reader allows.</summary>
    DepthExceeded,

    /// <summary>A text string, or a chunk of one, is not UTF-8.</summary>
    InvalidUtf8,

    /// <summary>A chunk of an indefinite-length string is not a definite-length string of the same type.</summary>
    InvalidChunk,

    /// <summary>A string in chunks where one in a single piece is asked for.</summary>
    IndefiniteLengthString,

    /// <summary>A break byte outside an indefinite-length item.</summary>
    UnexpectedBreak,

    /// <summary>The array or map has no further item.</summary>
    EndOfContainer,

    /// <summary>The array or map has further items where its end is expected.</summary>
    ContainerNotFinished,

    /// <summary>An indefinite-length map ends after a key.</summary>
    MissingMapValue,

    /// <summary>A tag that no item follows.</summary>
    MissingTaggedValue,

    /// <summary>Bytes after the last item.</summary>
    TrailingData,

    /// <summary>The destination cannot take the string, or what is written.</summary>
    DestinationTooSmall,
}
