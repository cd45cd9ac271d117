using NitroEnclaves.Cbor;
using NitroEnclaves.Nsm;

namespace NitroEnclaves.Images;

/// <summary>What an image's signature covers: <c>{ "register_index": 0, "register_value": [48 integers] }</c>.</summary>
static class PcrSignaturePayload
{
    const int MaxLength = 256;

    /// <summary>The payload for this value of PCR0.</summary>
    public static byte[] Encode(PcrValue pcr0)
    {
        Span<byte> buffer = stackalloc byte[MaxLength];
        var writer = new CborWriter(buffer);
        writer.WriteStartMap(2);
        writer.WriteTextString("register_index"u8);
        writer.WriteUInt64(0);
        writer.WriteTextString("register_value"u8);
        EifSignature.WriteByteArray(ref writer, pcr0.Bytes);
        return buffer[..writer.BytesWritten].ToArray();
    }

    /// <summary>True for a payload that says this value of PCR0, in whichever encoding.</summary>
    public static bool Matches(ReadOnlySpan<byte> payload, PcrValue pcr0)
    {
        try
        {
            var reader = new CborReader(payload, 3);
            reader.ReadStartMap();
            bool index = reader.ReadTextStringBytes().SequenceEqual("register_index"u8) && reader.ReadUInt64() == 0;
            bool value = reader.ReadTextStringBytes().SequenceEqual("register_value"u8)
                && EifSignature.ReadByteArray(ref reader).AsSpan().SequenceEqual(pcr0.Bytes);
            reader.ReadEndMap();
            reader.ReadEndOfData();
            return index && value;
        }
        catch (CborException)
        {
            return false;
        }
    }
}
