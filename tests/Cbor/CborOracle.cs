using System.Formats.Cbor;
using System.Text;
using System.Text.Unicode;
using Oracle = System.Formats.Cbor.CborReader;

namespace NitroEnclaves.Cbor.Tests;

/// <summary>System.Formats.Cbor's account of the same data, in the form of <see cref="CborTranscript"/>.</summary>
static class CborOracle
{
    /// <summary>The transcript; throws <see cref="CborContentException"/> where System.Formats.Cbor refuses the data.</summary>
    public static string Transcribe(byte[] data)
    {
        var text = new StringBuilder();
        var reader = new Oracle(data, CborConformanceMode.Lax, allowMultipleRootLevelValues: false);
        do
        {
            if (data.AsSpan(data.Length - reader.BytesRemaining) is [0xF8, < 32, ..])
            {
                throw new CborContentException("Lax mode alone allows two-byte simple values below 32.");
            }

            switch (reader.PeekState())
            {
                case CborReaderState.UnsignedInteger:
                    text.Append(reader.ReadUInt64());
                    break;
                case CborReaderState.NegativeInteger:
                    text.Append("-1-").Append(reader.ReadCborNegativeIntegerRepresentation());
                    break;
                case CborReaderState.ByteString or CborReaderState.StartIndefiniteLengthByteString:
                    text.Append("h'").Append(Convert.ToHexString(reader.ReadByteString())).Append('\'');
                    break;
                case CborReaderState.TextString:
                    text.Append('"').Append(Convert.ToHexString(Valid(reader.ReadDefiniteLengthTextStringBytes().Span))).Append('"');
                    break;
                case CborReaderState.StartIndefiniteLengthTextString:
                    text.Append('"');
                    for (reader.ReadStartIndefiniteLengthTextString(); reader.PeekState() != CborReaderState.EndIndefiniteLengthTextString;)
                    {
                        text.Append(Convert.ToHexString(Valid(reader.ReadDefiniteLengthTextStringBytes().Span)));
                    }

                    reader.ReadEndIndefiniteLengthTextString();
                    text.Append('"');
                    break;
                case CborReaderState.StartArray:
                    text.Append(reader.ReadStartArray() is { } items ? $"[{items}:" : "[_");
                    break;
                case CborReaderState.StartMap:
                    text.Append(reader.ReadStartMap() is { } pairs ? $"{{{pairs}:" : "{_");
                    break;
                case CborReaderState.EndMap:
                    reader.ReadEndMap();
                    text.Append('}');
                    break;
                case CborReaderState.EndArray:
                    reader.ReadEndArray();
                    text.Append(']');
                    break;
                case CborReaderState.Tag:
                    text.Append((ulong)reader.ReadTag()).Append('#');
                    continue;
                case CborReaderState.Boolean:
                    text.Append(reader.ReadBoolean() ? "true" : "false");
                    break;
                case CborReaderState.Null:
                    reader.ReadNull();
                    text.Append("null");
                    break;
                default:
                    text.Append('~').Append(Convert.ToHexString(reader.ReadEncodedValue().Span));
                    break;
            }

            text.Append(' ');
        }
        while (reader.CurrentDepth > 0 || text[^1] == '#');

        return reader.BytesRemaining == 0 ? text.ToString() : throw new CborContentException("Trailing data.");
    }

    /// <summary>In lax mode, which alone tolerates repeated keys, the oracle does not look at UTF-8.</summary>
    static ReadOnlySpan<byte> Valid(ReadOnlySpan<byte> utf8) => Utf8.IsValid(utf8) ? utf8 : throw new CborContentException("Not UTF-8.");
}
