using System.Security.Cryptography;

namespace NitroEnclaves.Kms;

/// <summary>
/// Lends a recipient's private key to the CMS decoder for one operation, and holds it to what an envelope of KMS is: RSAES-OAEP with
/// SHA-256 gives a key of 256 bits. The decoder itself takes AES-256-CBC with shorter keys too.
/// </summary>
sealed class ContentKeyDecryption : RSA
{
    const int KeyLength = 32;

    readonly RSA _key;

    internal ContentKeyDecryption(RSA key)
    {
        _key = key;
        KeySizeValue = key.KeySize;
    }

    public override byte[] Decrypt(byte[] data, RSAEncryptionPadding padding)
    {
        if (padding != RSAEncryptionPadding.OaepSHA256)
        {
            throw new CryptographicException($"The content's key is encrypted with {padding}.");
        }

        var contentKey = _key.Decrypt(data, padding);
        if (contentKey.Length != KeyLength)
        {
            CryptographicOperations.ZeroMemory(contentKey);
            throw new CryptographicException($"The content's key has {contentKey.Length} bytes; AES-256 takes {KeyLength}.");
        }

        return contentKey;
    }

    public override RSAParameters ExportParameters(bool includePrivateParameters) =>
        throw new CryptographicException("The key is lent for decryption only.");

    public override void ImportParameters(RSAParameters parameters) =>
        throw new CryptographicException("The key is lent for decryption only.");
}
