using System.Text;

namespace NitroEnclaves.Cbor.Tests;

/// <summary>Everything that <see cref="CborReader"/> reads, as text, to be compared with <see cref="CborOracle"/>.</summary>
static class CborTranscript
{
    public static string Of(ReadOnlySpan<byte> data)
    {
        var text = new StringBuilder();
        var reader = new CborReader(data);
        var isMap = new Stack<bool>();
        do
        {
            switch (reader.PeekType())
            {
                case CborType.UnsignedInteger:
                    text.Append(reader.ReadUInt64());
                    break;
                case CborType.NegativeInteger:
                    text.Append("-1-").Append(NegativeArgument(reader.ReadEncodedValue()));
                    break;
                case CborType.ByteString or CborType.IndefiniteByteString:
                    text.Append("h'").Append(Convert.ToHexString(reader.ReadByteArray())).Append('\'');
                    break;
                case CborType.TextString or CborType.IndefiniteTextString:
                    text.Append('"').Append(Convert.ToHexString(Encoding.UTF8.GetBytes(reader.ReadTextString()))).Append('"');
                    break;
                case CborType.Array:
                    text.Append(reader.ReadStartArray() is { } items ? $"[{items}:" : "[_");
                    isMap.Push(false);
                    break;
                case CborType.Map:
                    text.Append(reader.ReadStartMap() is { } pairs ? $"{{{pairs}:" : "{_");
                    isMap.Push(true);
                    break;
                case CborType.EndOfContainer when isMap.Pop():
                    reader.ReadEndMap();
                    text.Append('}');
                    break;
                case CborType.EndOfContainer:
                    reader.ReadEndArray();
                    text.Append(']');
                    break;
                case CborType.Tag:
                    text.Append(reader.ReadTag()).Append('#');
                    continue;
                case CborType.Boolean:
                    text.Append(reader.ReadBoolean() ? "true" : "false");
                    break;
                case CborType.Null:
                    reader.ReadNull();
                    text.Append("null");
                    break;
                case CborType.EndOfData:
                    throw new CborException(CborError.UnexpectedEndOfData, reader.Position);
                default:
                    text.Append('~').Append(Convert.ToHexString(reader.ReadEncodedValue()));
                    break;
            }

            text.Append(' ');
        }
        while (reader.Depth > 0 || text[^1] == '#');

        reader.ReadEndOfData();
        return text.ToString();
    }

    /// <summary>The argument of a negative integer of any size, which no .NET integer holds.</summary>
    static ulong NegativeArgument(ReadOnlySpan<byte> encoded)
    {
        ulong argument = encoded.Length == 1 ? (ulong)(encoded[0] & 0x1F) : 0;
        foreach (var part in encoded[1..])
        {
            argument = (argument << 8) | part;
        }

        return argument;
    }
}
