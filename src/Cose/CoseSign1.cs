using System.Security.Cryptography;
using NitroEnclaves.Cbor;

namespace NitroEnclaves.Cose;

/// <summary>
/// Makes COSE_Sign1 messages (RFC 9052 section 4.2): protected header <c>{1: algorithm}</c>, unprotected header empty.
/// <see cref="CoseSign1Message"/> reads and verifies them.
/// </summary>
public static class CoseSign1
{
    /// <summary>The length of a message.</summary>
    /// <param name="algorithm">The signature's algorithm.</param>
    /// <param name="payloadLength">Bytes of the payload, 0 or more.</param>
    /// <param name="tagged">Whether tag 18 stands before the message.</param>
    /// <exception cref="ArgumentOutOfRangeException">The algorithm is none, or the length is negative.</exception>
    public static int GetLength(CoseAlgorithm algorithm, int payloadLength, bool tagged = false)
    {
        ArgumentOutOfRangeException.ThrowIfNegative(payloadLength);
        return checked((tagged ? 1 : 0) + 1
            + StringLength(ProtectedHeader(algorithm).Length) + 1
            + StringLength(payloadLength)
            + StringLength(algorithm.GetSignatureLength()));
    }

    /// <summary>Signs a payload.</summary>
    /// <param name="payload">The payload, any bytes.</param>
    /// <param name="key">A private key on P-256, P-384 or P-521.</param>
    /// <param name="tagged">Whether to put tag 18 before the message.</param>
    /// <returns>The message.</returns>
    /// <exception cref="ArgumentException">The key is on another curve.</exception>
    public static byte[] Sign(ReadOnlySpan<byte> payload, ECDsa key, bool tagged = false) =>
        Sign(payload, new ECDsaCoseSigner(key), tagged);

    /// <summary>Signs a payload.</summary>
    /// <param name="payload">The payload, any bytes.</param>
    /// <param name="signer">The key.</param>
    /// <param name="tagged">Whether to put tag 18 before the message.</param>
    /// <returns>The message.</returns>
    /// <exception cref="ArgumentNullException"><paramref name="signer"/> is null.</exception>
    public static byte[] Sign(ReadOnlySpan<byte> payload, ICoseSigner signer, bool tagged = false)
    {
        ArgumentNullException.ThrowIfNull(signer);
        var message = new byte[GetLength(signer.Algorithm, payload.Length, tagged)];
        Sign(payload, signer, message, tagged);
        return message;
    }

    /// <summary>Signs a payload into a buffer.</summary>
    /// <param name="payload">The payload, any bytes.</param>
    /// <param name="signer">The key.</param>
    /// <param name="destination">Receives the message; at least <see cref="GetLength"/> bytes, apart from the payload.</param>
    /// <param name="tagged">Whether to put tag 18 before the message.</param>
    /// <returns>The length of the message.</returns>
    /// <exception cref="ArgumentException"><paramref name="destination"/> is too short.</exception>
    /// <exception cref="ArgumentNullException"><paramref name="signer"/> is null.</exception>
    public static int Sign(ReadOnlySpan<byte> payload, ICoseSigner signer, Span<byte> destination, bool tagged = false)
    {
        ArgumentNullException.ThrowIfNull(signer);
        var algorithm = signer.Algorithm;
        if (destination.Length < GetLength(algorithm, payload.Length, tagged))
        {
            throw new ArgumentException("The destination is too short for the message.", nameof(destination));
        }

        var protectedHeader = ProtectedHeader(algorithm);
        var writer = new CborWriter(destination);
        if (tagged)
        {
            writer.WriteTag(CoseSign1Message.Sign1Tag);
        }

        writer.WriteStartArray(4);
        writer.WriteByteString(protectedHeader);
        writer.WriteStartMap(0);
        writer.WriteByteString(payload);

        Span<byte> hash = stackalloc byte[SHA512.HashSizeInBytes];
        hash = hash[..algorithm.GetHashLength()];
        SigStructure.Hash(algorithm, protectedHeader, payload, hash);
        signer.SignHash(hash, writer.WriteByteString(algorithm.GetSignatureLength()));
        return writer.BytesWritten;
    }

    static ReadOnlySpan<byte> ProtectedHeader(CoseAlgorithm algorithm) => algorithm switch
    {
        CoseAlgorithm.ES256 => [0xA1, 0x01, 0x26],
        CoseAlgorithm.ES384 => [0xA1, 0x01, 0x38, 0x22],
        CoseAlgorithm.ES512 => [0xA1, 0x01, 0x38, 0x23],
        _ => throw new ArgumentOutOfRangeException(nameof(algorithm)),
    };

    static int StringLength(int length) => CborWriter.GetHeadLength((ulong)length) + length;
}
