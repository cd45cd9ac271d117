using NitroEnclaves.Cbor;

namespace NitroEnclaves.Images;

/// <summary>Reads a signature section as the reference does: keys in any order, others ignored, only the first element used.</summary>
static class LenientSignature
{
    const int DepthLimit = 16;

    public static EifSignature Read(ReadOnlySpan<byte> data)
    {
        byte[]? certificate = null;
        byte[]? message = null;
        var reader = new CborReader(data, DepthLimit);
        try
        {
            reader.ReadStartArray();
            if (reader.TryReadEndArray())
            {
                // The reference does not live through this: exit code 101.
                throw new NitroCliException(101, "index out of bounds: the len is 0 but the index is 0");
            }

            reader.ReadStartMap();
            while (!reader.TryReadEndMap())
            {
                var key = reader.ReadTextStringBytes();
                if (key.SequenceEqual("signing_certificate"u8))
                {
                    certificate = EifSignature.ReadByteArray(ref reader);
                }
                else if (key.SequenceEqual("signature"u8))
                {
                    message = EifSignature.ReadByteArray(ref reader);
                }
                else
                {
                    reader.SkipValue();
                }
            }

            while (!reader.TryReadEndArray())
            {
                reader.SkipValue();
            }
        }
        catch (CborException e)
        {
            throw LenientEifReader.Failure(
                $"Error deserializing certificate: ErrorImpl {{ code: {Describe(data, e)}, offset: {(data is [< 0x18, ..] ? 0 : reader.Position)} }}", e);
        }

        string? missing = certificate is null ? "signing_certificate" : message is null ? "signature" : null;
        if (missing is not null)
        {
            throw LenientEifReader.Failure(
                $"Error deserializing certificate: ErrorImpl {{ code: Message(\"missing field `{missing}`\"), offset: 0 }}");
        }

        try
        {
            return new EifSignature(certificate!, message!);
        }
        catch (EifException e)
        {
            throw LenientEifReader.Failure($"Error while digesting certificate: {e.Message}", e);
        }
    }

    static string Describe(ReadOnlySpan<byte> data, CborException e) => data is [< 0x18, ..]
        ? $"Message(\"invalid type: integer `{data[0]}`, expected a sequence\")"
        : e.Error.ToString();
}
