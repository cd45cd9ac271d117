using System.Security.Cryptography;

namespace NitroEnclaves.Kms.Emulator;

/// <summary>Pairs of keys by the names that KMS has for them.</summary>
static class KeyPairs
{
    internal const string Symmetric = "SYMMETRIC_DEFAULT";

    /// <summary>Makes a pair: PKCS #8 and SubjectPublicKeyInfo, DER.</summary>
    /// <exception cref="KmsErrorException">The emulator has no such pairs.</exception>
    internal static (byte[] PrivateKey, byte[] PublicKey) Create(string spec)
    {
        using AsymmetricAlgorithm pair = spec switch
        {
            "RSA_2048" => RSA.Create(2048),
            "RSA_3072" => RSA.Create(3072),
            "RSA_4096" => RSA.Create(4096),
            _ => ECDiffieHellman.Create(Curve(spec)),
        };
        return (pair.ExportPkcs8PrivateKey(), pair.ExportSubjectPublicKeyInfo());
    }

    /// <summary>The public key of a private one, DER.</summary>
    internal static byte[] PublicKeyOf(KmsKey key)
    {
        using AsymmetricAlgorithm pair = key.Usage == "KEY_AGREEMENT" ? ECDiffieHellman.Create() : RSA.Create();
        pair.ImportPkcs8PrivateKey(key.Material, out _);
        return pair.ExportSubjectPublicKeyInfo();
    }

    /// <summary>Agrees with a peer on a secret (ECDH): the x coordinate of the shared point.</summary>
    /// <exception cref="KmsErrorException">The peer's key is none of the same curve.</exception>
    internal static byte[] Agree(KmsKey key, ReadOnlySpan<byte> peerPublicKey)
    {
        using var own = ECDiffieHellman.Create();
        own.ImportPkcs8PrivateKey(key.Material, out _);
        using var peer = ECDiffieHellman.Create();
        try
        {
            peer.ImportSubjectPublicKeyInfo(peerPublicKey, out var read);
            // A curve of the peer's own making, given by its parameters, has no name.
            var curve = peer.ExportParameters(includePrivateParameters: false).Curve;
            if (read == peerPublicKey.Length && curve.IsNamed && curve.Oid.Value == Curve(key.Spec).Oid.Value)
            {
                using var publicKey = peer.PublicKey;
                return own.DeriveRawSecretAgreement(publicKey);
            }
        }
        catch (CryptographicException)
        {
            // Reported below with the other ways of being no such key.
        }

        throw KmsErrorException.Validation($"PublicKey is not a key of {key.Spec} in DER (SubjectPublicKeyInfo).");
    }

    static ECCurve Curve(string spec) => spec switch
    {
        "ECC_NIST_P256" => ECCurve.NamedCurves.nistP256,
        "ECC_NIST_P384" => ECCurve.NamedCurves.nistP384,
        "ECC_NIST_P521" => ECCurve.NamedCurves.nistP521,
        _ => throw KmsErrorException.Unsupported($"The emulator has no keys of {spec}."),
    };
}
