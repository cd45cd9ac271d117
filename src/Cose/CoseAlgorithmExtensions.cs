using System.Security.Cryptography;

namespace NitroEnclaves.Cose;

/// <summary>What a <see cref="CoseAlgorithm"/> consists of.</summary>
public static class CoseAlgorithmExtensions
{
    const string P256 = "1.2.840.10045.3.1.7";
    const string P384 = "1.3.132.0.34";
    const string P521 = "1.3.132.0.35";

    /// <summary>Bytes of a signature r‖s: 64, 96 or 132.</summary>
    /// <exception cref="ArgumentOutOfRangeException">The algorithm is none of the three.</exception>
    public static int GetSignatureLength(this CoseAlgorithm algorithm) => algorithm switch
    {
        CoseAlgorithm.ES256 => 64,
        CoseAlgorithm.ES384 => 96,
        CoseAlgorithm.ES512 => 132,
        _ => throw new ArgumentOutOfRangeException(nameof(algorithm)),
    };

    /// <summary>Bytes of the hash that is signed: 32, 48 or 64.</summary>
    /// <exception cref="ArgumentOutOfRangeException">The algorithm is none of the three.</exception>
    public static int GetHashLength(this CoseAlgorithm algorithm) => algorithm switch
    {
        CoseAlgorithm.ES256 => SHA256.HashSizeInBytes,
        CoseAlgorithm.ES384 => SHA384.HashSizeInBytes,
        CoseAlgorithm.ES512 => SHA512.HashSizeInBytes,
        _ => throw new ArgumentOutOfRangeException(nameof(algorithm)),
    };

    /// <summary>The algorithm that goes with a key's curve.</summary>
    /// <param name="key">A public or private key.</param>
    /// <returns>The algorithm; null where the curve is not P-256, P-384 or P-521.</returns>
    /// <exception cref="ArgumentNullException"><paramref name="key"/> is null.</exception>
    public static CoseAlgorithm? GetCoseAlgorithm(this ECDsa key)
    {
        ArgumentNullException.ThrowIfNull(key);

        // The size alone does not tell P-256 from secp256k1, nor P-384 from brainpoolP384r1.
        return key.ExportParameters(includePrivateParameters: false).Curve.Oid?.Value switch
        {
            P256 => CoseAlgorithm.ES256,
            P384 => CoseAlgorithm.ES384,
            P521 => CoseAlgorithm.ES512,
            _ => null,
        };
    }

    internal static void Hash(this CoseAlgorithm algorithm, ReadOnlySpan<byte> data, Span<byte> hash)
    {
        switch (algorithm)
        {
            case CoseAlgorithm.ES256:
                SHA256.HashData(data, hash);
                break;
            case CoseAlgorithm.ES384:
                SHA384.HashData(data, hash);
                break;
            default:
                SHA512.HashData(data, hash);
                break;
        }
    }
}
