namespace NitroEnclaves.Cbor;

/// <summary>What stands next in the data, as <see cref="CborReader.PeekType"/> tells it (RFC 8949 section 3).</summary>
public enum CborType
{
    /// <summary>No bytes are left.</summary>
    EndOfData,

    /// <summary>The innermost open array or map has no further item: its count is used up, or its break byte stands next.</summary>
    EndOfContainer,

    /// <summary>Major type 0: 0 to 2^64-1.</summary>
    UnsignedInteger,

    /// <summary>Major type 1: -1 to -2^64.</summary>
    NegativeInteger,

    /// <summary>Major type 2, in one piece.</summary>
    ByteString,

    /// <summary>Major type 2, in chunks.</summary>
    IndefiniteByteString,

    /// <summary>Major type 3, in one piece.</summary>
    TextString,

    /// <summary>Major type 3, in chunks.</summary>
    IndefiniteTextString,

    /// <summary>Major type 4, of either length form.</summary>
    Array,

    /// <summary>Major type 5, of either length form.</summary>
    Map,

    /// <summary>Major type 6: a tag, whose value follows.</summary>
    Tag,

    /// <summary>Simple value 20 or 21.</summary>
    Boolean,

    /// <summary>Simple value 22.</summary>
    Null,

    /// <summary>Simple value 23.</summary>
    Undefined,

    /// <summary>Any other simple value. Can only be skipped.</summary>
    SimpleValue,

    /// <summary>A floating-point number of 16, 32 or 64 bits. Can only be skipped.</summary>
    Float,
}
