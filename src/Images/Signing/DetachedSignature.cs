using System.Formats.Asn1;
using System.Security.Cryptography;
using NitroEnclaves.Cose;
using NitroEnclaves.Nsm;

namespace NitroEnclaves.Images;

/// <summary>
/// Signing in two steps, for keys that no program here can reach: the digest goes out, the signature comes back.
/// </summary>
public static class DetachedSignature
{
    /// <summary>
    /// What the key must sign: the hash (SHA-256, -384 or -512, by the certificate's curve) of the COSE structure around PCR0.
    /// </summary>
    /// <param name="pcr0">The image's PCR0.</param>
    /// <param name="certificatePem">The certificate's PEM file.</param>
    /// <exception cref="EifSigningException">The certificate cannot be read, or its key is of another kind.</exception>
    public static byte[] GetDigest(PcrValue pcr0, ReadOnlySpan<byte> certificatePem)
    {
        using var certificate = EifSigner.OpenCertificate(certificatePem);
        using var key = EifSigner.OpenPublicKey(certificate);
        var signer = new DigestRecorder(key.GetCoseAlgorithm()!.Value);
        CoseSign1.Sign(PcrSignaturePayload.Encode(pcr0), signer);
        return signer.Digest;
    }

    /// <summary>A signer that gives out a signature made elsewhere; signing checks it against certificate and image.</summary>
    /// <param name="certificatePem">The certificate's PEM file; goes into the image verbatim.</param>
    /// <param name="signature">The signature of <see cref="GetDigest"/>: r||s, or DER as OpenSSL and AWS KMS give it.</param>
    /// <param name="time">Says whether the certificate is valid now; null for the system's clock.</param>
    /// <exception cref="EifSigningException">The certificate or the signature cannot be used.</exception>
    public static EifSigner CreateSigner(ReadOnlySpan<byte> certificatePem, ReadOnlySpan<byte> signature, TimeProvider? time = null)
    {
        using var certificate = EifSigner.OpenCertificate(certificatePem);
        using var key = EifSigner.OpenPublicKey(certificate);
        var algorithm = key.GetCoseAlgorithm()!.Value;
        return new EifSigner(certificatePem, new MadeElsewhere(algorithm, ToFixedLength(signature, algorithm)), time);
    }

    /// <summary>A signature as images hold it: r||s, each left-padded to the length of the curve's numbers.</summary>
    /// <param name="signature">r||s, or DER as OpenSSL and AWS KMS give it.</param>
    /// <param name="algorithm">The key's algorithm.</param>
    /// <exception cref="EifSigningException">The signature is of neither form.</exception>
    public static byte[] ToFixedLength(ReadOnlySpan<byte> signature, CoseAlgorithm algorithm)
    {
        int length = algorithm.GetSignatureLength();
        if (signature.Length == length && signature is not [0x30, ..])
        {
            return signature.ToArray();
        }

        if (TryReadDer(signature, length / 2, out byte[]? result))
        {
            return result;
        }

        return signature.Length == length
            ? signature.ToArray()
            : throw new EifSigningException(EifSigningError.MalformedSignature,
                $"The signature has {signature.Length} bytes; it must be DER, or r||s of {length} bytes.");
    }

    static bool TryReadDer(ReadOnlySpan<byte> signature, int half, [System.Diagnostics.CodeAnalysis.NotNullWhen(true)] out byte[]? result)
    {
        result = null;
        try
        {
            var sequence = new AsnReader(signature.ToArray(), AsnEncodingRules.DER);
            var numbers = sequence.ReadSequence();
            sequence.ThrowIfNotEmpty();
            var r = numbers.ReadInteger();
            var s = numbers.ReadInteger();
            numbers.ThrowIfNotEmpty();
            byte[] joined = new byte[2 * half];
            if (r.Sign <= 0 || s.Sign <= 0 || r.GetByteCount(isUnsigned: true) > half || s.GetByteCount(isUnsigned: true) > half)
            {
                return false;
            }

            r.TryWriteBytes(joined.AsSpan(half - r.GetByteCount(isUnsigned: true)), out _, isUnsigned: true, isBigEndian: true);
            s.TryWriteBytes(joined.AsSpan((2 * half) - s.GetByteCount(isUnsigned: true)), out _, isUnsigned: true, isBigEndian: true);
            result = joined;
            return true;
        }
        catch (AsnContentException)
        {
            return false;
        }
    }

    sealed class DigestRecorder(CoseAlgorithm algorithm) : ICoseSigner
    {
        public CoseAlgorithm Algorithm => algorithm;

        public byte[] Digest { get; private set; } = [];

        public void SignHash(ReadOnlySpan<byte> hash, Span<byte> signature)
        {
            Digest = hash.ToArray();
            signature.Clear();
        }
    }

    sealed class MadeElsewhere(CoseAlgorithm algorithm, byte[] signature) : ICoseSigner
    {
        public CoseAlgorithm Algorithm => algorithm;

        public void SignHash(ReadOnlySpan<byte> hash, Span<byte> destination) => signature.CopyTo(destination);
    }
}
