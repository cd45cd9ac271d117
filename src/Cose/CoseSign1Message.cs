using System.Security.Cryptography;
using NitroEnclaves.Cbor;

namespace NitroEnclaves.Cose;

/// <summary>
/// A COSE_Sign1 (RFC 9052 section 4.2) taken apart, not verified. All parts lie inside the parsed data.
/// </summary>
/// <remarks>
/// <code>
/// COSE_Sign1 = [ protected : bstr .cbor {1: alg}, unprotected : map, payload : bstr, signature : bstr ]   untagged or #6.18
/// </code>
/// Stricter than the standard where nothing of the trade needs more: the protected header has the algorithm and nothing else,
/// strings stand in one piece, nothing follows the message.
/// </remarks>
public readonly ref struct CoseSign1Message
{
    internal const ulong Sign1Tag = 18;

    CoseSign1Message(
        bool isTagged,
        CoseAlgorithm algorithm,
        ReadOnlySpan<byte> protectedHeader,
        ReadOnlySpan<byte> unprotectedHeader,
        ReadOnlySpan<byte> payload,
        ReadOnlySpan<byte> signature)
    {
        IsTagged = isTagged;
        Algorithm = algorithm;
        ProtectedHeader = protectedHeader;
        UnprotectedHeader = unprotectedHeader;
        Payload = payload;
        Signature = signature;
    }

    /// <summary>Whether tag 18 stands before the message.</summary>
    public bool IsTagged { get; }

    /// <summary>The algorithm of the protected header.</summary>
    public CoseAlgorithm Algorithm { get; }

    /// <summary>The protected header: an encoded map.</summary>
    public ReadOnlySpan<byte> ProtectedHeader { get; }

    /// <summary>The unprotected header: an encoded map, which the signature does not cover.</summary>
    public ReadOnlySpan<byte> UnprotectedHeader { get; }

    /// <summary>Whether the unprotected header has no entry.</summary>
    public bool IsUnprotectedHeaderEmpty => UnprotectedHeader is [0xA0] or [0xBF, 0xFF];

    /// <summary>The payload as received.</summary>
    public ReadOnlySpan<byte> Payload { get; }

    /// <summary>The signature r‖s, of its algorithm's length.</summary>
    public ReadOnlySpan<byte> Signature { get; }

    /// <summary>Takes a message apart.</summary>
    /// <param name="data">One COSE_Sign1 and nothing else.</param>
    /// <exception cref="CoseException">The data is something else.</exception>
    public static CoseSign1Message Parse(ReadOnlySpan<byte> data)
    {
        try
        {
            return ParseMessage(data);
        }
        catch (CborException exception)
        {
            throw new CoseException(exception.Error == CborError.TrailingData ? CoseError.TrailingData : CoseError.Malformed, exception);
        }
    }

    /// <summary>Verifies the signature over header and payload as received.</summary>
    /// <param name="key">The signer's public key.</param>
    /// <returns>Whether the signature is this key's; false also where the key's curve is not the algorithm's.</returns>
    /// <exception cref="ArgumentNullException"><paramref name="key"/> is null.</exception>
    public bool Verify(ECDsa key) => key.GetCoseAlgorithm() == Algorithm && VerifyOnCurve(key);

    /// <summary>Verifies with a key that is known to be on the algorithm's curve, without asking the key again.</summary>
    /// <param name="key">The signer's public key, on the curve of <see cref="Algorithm"/>.</param>
    /// <returns>Whether the signature is this key's.</returns>
    /// <exception cref="ArgumentNullException"><paramref name="key"/> is null.</exception>
    public bool VerifyOnCurve(ECDsa key)
    {
        ArgumentNullException.ThrowIfNull(key);
        Span<byte> hash = stackalloc byte[SHA512.HashSizeInBytes];
        hash = hash[..Algorithm.GetHashLength()];
        SigStructure.Hash(Algorithm, ProtectedHeader, Payload, hash);
        return key.VerifyHash(hash, Signature, DSASignatureFormat.IeeeP1363FixedFieldConcatenation);
    }

    static CoseSign1Message ParseMessage(ReadOnlySpan<byte> data)
    {
        var reader = new CborReader(data, CoseHeader.DepthLimit);
        var isTagged = reader.PeekType() == CborType.Tag;
        if (isTagged && reader.ReadTag() != Sign1Tag)
        {
            CoseException.Throw(CoseError.UnexpectedTag);
        }

        if (reader.PeekType() == CborType.Tag)
        {
            CoseException.Throw(CoseError.UnexpectedTag);
        }

        reader.ReadStartArray();
        var protectedHeader = reader.ReadByteString();
        var algorithm = CoseHeader.ReadAlgorithm(protectedHeader);
        var unprotectedHeader = reader.ReadEncodedValue();
        CoseHeader.CheckUnprotected(unprotectedHeader);
        if (reader.TryReadNull())
        {
            CoseException.Throw(CoseError.DetachedPayload);
        }

        var payload = reader.ReadByteString();
        var signature = reader.ReadByteString();
        reader.ReadEndArray();
        reader.ReadEndOfData();
        if (signature.Length != algorithm.GetSignatureLength())
        {
            CoseException.Throw(CoseError.SignatureLength);
        }

        return new CoseSign1Message(isTagged, algorithm, protectedHeader, unprotectedHeader, payload, signature);
    }
}
