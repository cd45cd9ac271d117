using NitroEnclaves.Cbor;

namespace NitroEnclaves.Cose;

/// <summary>The two headers of a message (RFC 9052 section 3).</summary>
static class CoseHeader
{
    internal const int DepthLimit = 8;

    // Labels of section 3.1.
    const ulong Algorithm = 1;
    const ulong Critical = 2;

    /// <summary>The algorithm of a protected header, which is exactly <c>{1: algorithm}</c>.</summary>
    internal static CoseAlgorithm ReadAlgorithm(ReadOnlySpan<byte> protectedHeader)
    {
        try
        {
            var reader = new CborReader(protectedHeader, DepthLimit);
            if (reader.ReadStartMap() != 1 || reader.ReadUInt64() != Algorithm)
            {
                CoseException.Throw(CoseError.ProtectedHeader);
            }

            if (reader.PeekType() is not (CborType.UnsignedInteger or CborType.NegativeInteger))
            {
                CoseException.Throw(CoseError.UnsupportedAlgorithm);
            }

            var algorithm = reader.ReadInt64();
            reader.ReadEndMap();
            reader.ReadEndOfData();
            if (!reader.IsShortestFormThroughout)
            {
                CoseException.Throw(CoseError.ProtectedHeader);
            }

            return algorithm switch
            {
                (long)CoseAlgorithm.ES256 => CoseAlgorithm.ES256,
                (long)CoseAlgorithm.ES384 => CoseAlgorithm.ES384,
                (long)CoseAlgorithm.ES512 => CoseAlgorithm.ES512,
                _ => throw new CoseException(CoseError.UnsupportedAlgorithm),
            };
        }
        catch (CborException exception)
        {
            throw new CoseException(CoseError.ProtectedHeader, exception);
        }
    }

    /// <summary>
    /// Refuses an unprotected header with labels whose meaning depends on being signed; its other entries are nobody's business here.
    /// </summary>
    internal static void CheckUnprotected(ReadOnlySpan<byte> header)
    {
        var reader = new CborReader(header, DepthLimit);
        reader.ReadStartMap();
        while (!reader.TryReadEndMap())
        {
            if (reader.PeekType() != CborType.UnsignedInteger)
            {
                reader.SkipValue();
            }
            else if (reader.ReadUInt64() is Algorithm or Critical)
            {
                CoseException.Throw(CoseError.UnprotectedHeader);
            }

            reader.SkipValue();
        }
    }
}
