namespace NitroEnclaves.Cbor;

/// <summary>The three high bits of an item's first byte (RFC 8949 section 3.1).</summary>
enum CborMajorType : byte
{
    UnsignedInteger = 0,
    NegativeInteger = 1,
    ByteString = 2,
    TextString = 3,
    Array = 4,
    Map = 5,
    Tag = 6,
    Simple = 7,
}
