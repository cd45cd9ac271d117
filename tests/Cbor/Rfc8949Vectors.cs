namespace NitroEnclaves.Cbor.Tests;

/// <summary>Examples of RFC 8949: well-formed ones (appendix A) and those that are not (appendix F).</summary>
static class Rfc8949Vectors
{
    public static TheoryData<string> WellFormed { get; } = new(
        "00", "01", "0a", "17", "1818", "1819", "1864", "1903e8", "1a000f4240", "1b000000e8d4a51000", "1bffffffffffffffff",
        "c249010000000000000000", "3bffffffffffffffff", "c349010000000000000000", "20", "29", "3863", "3903e7",
        "f90000", "f98000", "f93c00", "fb3ff199999999999a", "f93e00", "f97bff", "fa47c35000", "fa7f7fffff", "fb7e37e43c8800759c",
        "f90001", "f90400", "f9c400", "fbc010666666666666", "f97c00", "f97e00", "f9fc00", "fa7f800000", "fa7fc00000", "faff800000",
        "fb7ff0000000000000", "fb7ff8000000000000", "fbfff0000000000000",
        "f4", "f5", "f6", "f7", "f0", "f8ff",
        "c074323031332d30332d32315432303a30343a30305a", "c11a514b67b0", "c1fb41d452d9ec200000", "d74401020304", "d818456449455446",
        "d82076687474703a2f2f7777772e6578616d706c652e636f6d",
        "40", "4401020304", "60", "6161", "6449455446", "62225c", "62c3bc", "63e6b0b4", "64f0908591",
        "80", "83010203", "8301820203820405", "98190102030405060708090a0b0c0d0e0f101112131415161718181819",
        "a0", "a201020304", "a26161016162820203", "826161a161626163", "a56161614161626142616361436164614461656145",
        "5f42010243030405ff", "7f657374726561646d696e67ff", "9fff", "9f018202039f0405ffff", "9f01820203820405ff", "83018202039f0405ff",
        "83019f0203ff820405", "9f0102030405060708090a0b0c0d0e0f101112131415161718181819ff", "bf61610161629f0203ffff",
        "826161bf61626163ff", "bf6346756ef563416d7421ff");

    public static TheoryData<string, CborError> Malformed { get; } = new()
    {
        // End of input in a head.
        { "18", CborError.UnexpectedEndOfData }, { "19", CborError.UnexpectedEndOfData }, { "1a", CborError.UnexpectedEndOfData },
        { "1b", CborError.UnexpectedEndOfData }, { "1901", CborError.UnexpectedEndOfData }, { "1a0102", CborError.UnexpectedEndOfData },
        { "1b01020304050607", CborError.UnexpectedEndOfData }, { "38", CborError.UnexpectedEndOfData }, { "58", CborError.UnexpectedEndOfData },
        { "78", CborError.UnexpectedEndOfData }, { "98", CborError.UnexpectedEndOfData }, { "9a01ff00", CborError.UnexpectedEndOfData },
        { "b8", CborError.UnexpectedEndOfData }, { "d8", CborError.UnexpectedEndOfData }, { "f8", CborError.UnexpectedEndOfData },
        { "f900", CborError.UnexpectedEndOfData }, { "fa0000", CborError.UnexpectedEndOfData }, { "fb000000", CborError.UnexpectedEndOfData },

        // Definite-length strings with short data.
        { "41", CborError.LengthExceedsData }, { "61", CborError.LengthExceedsData }, { "5affffffff00", CborError.LengthExceedsData },
        { "5bffffffffffffffff010203", CborError.LengthExceedsData }, { "7affffffff00", CborError.LengthExceedsData },
        { "7b7fffffffffffffff010203", CborError.LengthExceedsData },

        // Definite-length arrays and maps that are not closed with enough items.
        { "81", CborError.LengthExceedsData }, { "818181818181818181", CborError.LengthExceedsData }, { "8200", CborError.LengthExceedsData },
        { "a1", CborError.LengthExceedsData }, { "a20102", CborError.LengthExceedsData }, { "a100", CborError.LengthExceedsData },
        { "a2000000", CborError.LengthExceedsData },

        // A tag without its content; indefinite lengths without a break.
        { "c0", CborError.UnexpectedEndOfData }, { "5f4100", CborError.UnexpectedEndOfData }, { "7f6100", CborError.UnexpectedEndOfData },
        { "9f", CborError.UnexpectedEndOfData }, { "9f0102", CborError.UnexpectedEndOfData }, { "bf", CborError.UnexpectedEndOfData },
        { "bf01020102", CborError.UnexpectedEndOfData }, { "819f", CborError.UnexpectedEndOfData }, { "9f8000", CborError.UnexpectedEndOfData },
        { "9f9f9f9f9fffffffff", CborError.UnexpectedEndOfData }, { "9f819f819f9fffffff", CborError.UnexpectedEndOfData },

        // Reserved additional information, reserved two-byte simple values.
        { "1c", CborError.ReservedAdditionalInformation }, { "1d", CborError.ReservedAdditionalInformation },
        { "1e", CborError.ReservedAdditionalInformation }, { "3c", CborError.ReservedAdditionalInformation },
        { "5c", CborError.ReservedAdditionalInformation }, { "7d", CborError.ReservedAdditionalInformation },
        { "9e", CborError.ReservedAdditionalInformation }, { "bc", CborError.ReservedAdditionalInformation },
        { "dd", CborError.ReservedAdditionalInformation }, { "fe", CborError.ReservedAdditionalInformation },
        { "f800", CborError.InvalidSimpleValue }, { "f801", CborError.InvalidSimpleValue }, { "f818", CborError.InvalidSimpleValue },
        { "f81f", CborError.InvalidSimpleValue },

        // Chunks of another type, or of indefinite length themselves.
        { "5f00ff", CborError.InvalidChunk }, { "5f21ff", CborError.InvalidChunk }, { "5f6100ff", CborError.InvalidChunk },
        { "5f80ff", CborError.InvalidChunk }, { "5fa0ff", CborError.InvalidChunk }, { "5fc000ff", CborError.InvalidChunk },
        { "5fe0ff", CborError.InvalidChunk }, { "7f4100ff", CborError.InvalidChunk }, { "5f5f4100ffff", CborError.InvalidChunk },
        { "7f7f6100ffff", CborError.InvalidChunk },

        // A break where none may stand.
        { "ff", CborError.UnexpectedBreak }, { "81ff", CborError.UnexpectedBreak }, { "8200ff", CborError.UnexpectedBreak },
        { "a1ff", CborError.LengthExceedsData }, { "a1ff00", CborError.UnexpectedBreak }, { "a100ff", CborError.UnexpectedBreak },
        { "a20000ff", CborError.LengthExceedsData }, { "9f81ff", CborError.UnexpectedBreak }, { "9f829f819f9fffffffff", CborError.UnexpectedBreak },
        { "bf00ff", CborError.MissingMapValue }, { "bf000000ff", CborError.MissingMapValue }, { "9fc0ff", CborError.MissingTaggedValue },

        // Indefinite length where there is none.
        { "1f", CborError.ReservedAdditionalInformation }, { "3f", CborError.ReservedAdditionalInformation },
        { "df", CborError.ReservedAdditionalInformation },

        // Text that is not UTF-8 (RFC 8949 section 3.1: well-formed, but invalid).
        { "61ff", CborError.InvalidUtf8 }, { "62c328", CborError.InvalidUtf8 }, { "7f61c361bcff", CborError.InvalidUtf8 },
    };
}
