using System.Buffers;
using NitroEnclaves.Cbor;

namespace NitroEnclaves.Cose;

/// <summary>
/// What a COSE_Sign1 signature covers (RFC 9052 section 4.4): the header and the payload as the bytes that they are.
/// </summary>
/// <remarks>
/// <code>
/// 84                  array(4)
///   6a "Signature1"   context
///   4x ...            protected header, as a byte string
///   40                external data: none
///   5x ...            payload, as a byte string
/// </code>
/// </remarks>
static class SigStructure
{
    // array(4), context, the heads of three byte strings.
    const int Overhead = 1 + 11 + 9 + 1 + 9;

    internal static void Hash(CoseAlgorithm algorithm, ReadOnlySpan<byte> protectedHeader, ReadOnlySpan<byte> payload, Span<byte> hash)
    {
        var rented = ArrayPool<byte>.Shared.Rent(Overhead + protectedHeader.Length + payload.Length);
        var writer = new CborWriter(rented);
        writer.WriteStartArray(4);
        writer.WriteTextString("Signature1"u8);
        writer.WriteByteString(protectedHeader);
        writer.WriteByteString([]);
        writer.WriteByteString(payload);
        algorithm.Hash(rented.AsSpan(0, writer.BytesWritten), hash);
        ArrayPool<byte>.Shared.Return(rented);
    }
}
