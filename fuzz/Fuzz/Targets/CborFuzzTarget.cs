using NitroEnclaves.Cbor;

namespace NitroEnclaves.Fuzz.Targets;

/// <summary>The CBOR reader: skipping an item and walking through it agree, and what was read is written back and read again.</summary>
sealed class CborFuzzTarget : IFuzzTarget
{
    public string Name => "cbor";

    public IEnumerable<byte[]> Seeds { get; } =
    [
        Convert.FromHexString("a16b4465736372696265504352a165696e6465781818"),
        Convert.FromHexString("a56161614161626142616361436164614461656145"),
        Convert.FromHexString("bf61610161629f0203ffff"),
        Convert.FromHexString("d28443a10126a10442313154546869732069732074686520636f6e74656e742e40"),
        Convert.FromHexString("9f1818190100 1a00010000 1b0000000100000000 203818390100 f4f5f6f7f0f8fff93c00ff".Replace(" ", "", StringComparison.Ordinal)),
        Convert.FromHexString("825f42010243030405ff7f657374726561646d696e67ff"),
        Convert.FromHexString("c1c2c3818181818080a0bfff"),
    ];

    public void Run(ReadOnlySpan<byte> input)
    {
        var skipped = Skip(input);
        var rewritten = new byte[input.Length + 16];
        var walked = Walk(input, rewritten, out var written);
        if (skipped != walked)
        {
            throw new InvalidOperationException($"Skipping ends with {skipped?.ToString() ?? "success"}, walking with {walked?.ToString() ?? "success"}.");
        }

        if (walked is null && Skip(rewritten.AsSpan(0, written)) is { } error)
        {
            throw new InvalidOperationException($"What was read and written back ends with {error}.");
        }
    }

    static CborError? Skip(ReadOnlySpan<byte> input)
    {
        try
        {
            var reader = new CborReader(input);
            reader.SkipValue();
            reader.ReadEndOfData();
            return null;
        }
        catch (CborException exception)
        {
            return exception.Error;
        }
    }

    static CborError? Walk(ReadOnlySpan<byte> input, Span<byte> destination, out int written)
    {
        var writer = new CborWriter(destination);
        written = 0;
        try
        {
            var reader = new CborReader(input);
            Span<bool> isMap = stackalloc bool[CborReader.MaximumDepth];
            Span<bool> isIndefinite = stackalloc bool[CborReader.MaximumDepth];
            bool more;
            do
            {
                more = Copy(ref reader, ref writer, isMap, isIndefinite);
            }
            while (more);

            reader.ReadEndOfData();
            written = writer.BytesWritten;
            return null;
        }
        catch (CborException exception)
        {
            return exception.Error;
        }
    }

    /// <summary>Reads one head or value and writes it; false once the item is complete.</summary>
    static bool Copy(ref CborReader reader, ref CborWriter writer, scoped Span<bool> isMap, scoped Span<bool> isIndefinite)
    {
        var depth = reader.Depth;
        switch (reader.PeekType())
        {
            case CborType.EndOfData:
                throw new CborException(CborError.UnexpectedEndOfData, reader.Position);
            case CborType.EndOfContainer when isMap[depth - 1]:
                reader.ReadEndMap();
                WriteEnd(ref writer, isIndefinite[depth - 1]);
                break;
            case CborType.EndOfContainer:
                reader.ReadEndArray();
                WriteEnd(ref writer, isIndefinite[depth - 1]);
                break;
            case CborType.UnsignedInteger:
                writer.WriteUInt64(reader.ReadUInt64());
                break;
            case CborType.ByteString or CborType.IndefiniteByteString:
                writer.WriteByteString(reader.ReadByteArray());
                break;
            case CborType.TextString or CborType.IndefiniteTextString:
                writer.WriteTextString(reader.ReadTextString());
                break;
            case CborType.Array:
                var items = reader.ReadStartArray();
                (isMap[depth], isIndefinite[depth]) = (false, items is null);
                WriteStart(ref writer, items, isMap: false);
                return true;
            case CborType.Map:
                var pairs = reader.ReadStartMap();
                (isMap[depth], isIndefinite[depth]) = (true, pairs is null);
                WriteStart(ref writer, pairs, isMap: true);
                return true;
            case CborType.Tag:
                writer.WriteTag(reader.ReadTag());
                return true;
            case CborType.Boolean:
                writer.WriteBoolean(reader.ReadBoolean());
                break;
            case CborType.Null:
                reader.ReadNull();
                writer.WriteNull();
                break;
            default:
                writer.WriteEncodedValue(reader.ReadEncodedValue());
                break;
        }

        return reader.Depth > 0;
    }

    static void WriteStart(ref CborWriter writer, int? count, bool isMap)
    {
        switch (count, isMap)
        {
            case (null, false):
                writer.WriteStartIndefiniteArray();
                break;
            case (null, true):
                writer.WriteStartIndefiniteMap();
                break;
            case (_, false):
                writer.WriteStartArray(count.Value);
                break;
            case (_, true):
                writer.WriteStartMap(count.Value);
                break;
        }
    }

    static void WriteEnd(ref CborWriter writer, bool isIndefinite)
    {
        if (isIndefinite)
        {
            writer.WriteBreak();
        }
    }
}
