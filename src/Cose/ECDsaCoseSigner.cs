using System.Security.Cryptography;

namespace NitroEnclaves.Cose;

/// <summary>Signs with a key in the process. The key stays its owner's, who disposes it.</summary>
public sealed class ECDsaCoseSigner : ICoseSigner
{
    readonly ECDsa _key;

    /// <summary>Signs with <paramref name="key"/>, by the algorithm of its curve.</summary>
    /// <param name="key">A private key on P-256, P-384 or P-521.</param>
    /// <exception cref="ArgumentException">The key is on another curve.</exception>
    public ECDsaCoseSigner(ECDsa key)
    {
        Algorithm = key.GetCoseAlgorithm() ?? throw new ArgumentException("The key is not on P-256, P-384 or P-521.", nameof(key));
        _key = key;
    }

    /// <inheritdoc/>
    public CoseAlgorithm Algorithm { get; }

    /// <inheritdoc/>
    /// <exception cref="CryptographicException">The key has no private part, or does not sign.</exception>
    public void SignHash(ReadOnlySpan<byte> hash, Span<byte> signature)
    {
        if (!_key.TrySignHash(hash, signature, DSASignatureFormat.IeeeP1363FixedFieldConcatenation, out var written)
            || written != signature.Length)
        {
            throw new CryptographicException("The key gave a signature of another length.");
        }
    }
}
