using System.Security.Cryptography;

namespace NitroEnclaves.Kms.Emulator;

/// <summary>Encrypts for an enclave's key as KMS does: CMS EnvelopedData in BER, byte for byte in KMS's mix of length forms.</summary>
static class RecipientEnvelopeWriter
{
    const int KeyLength = 32;
    const int BlockLength = 16;

    // INTEGER 2
    static readonly byte[] s_version = [0x02, 0x01, 0x02];

    // 1.2.840.113549.1.7.3 and .1
    static readonly byte[] s_envelopedData = Convert.FromHexString("06092a864886f70d010703");
    static readonly byte[] s_data = Convert.FromHexString("06092a864886f70d010701");

    // RSAES-OAEP { [0] sha256, [1] mgf1 { sha256 } }
    static readonly byte[] s_oaepSha256 = Convert.FromHexString(
        "303c06092a864886f70d010107302fa00f300d06096086480165030402010500a11c301a06092a864886f70d010108300d06096086480165030402010500");

    // 2.16.840.1.101.3.4.1.42
    static readonly byte[] s_aes256Cbc = Convert.FromHexString("060960864801650304012a");

    /// <summary>Encrypts a plaintext.</summary>
    /// <param name="plaintext">Up to 4,096 bytes.</param>
    /// <param name="publicKey">The key as the document carries it, DER of a SubjectPublicKeyInfo: its hash names the recipient.</param>
    /// <param name="rsa">The same key.</param>
    internal static byte[] Write(ReadOnlySpan<byte> plaintext, ReadOnlySpan<byte> publicKey, RSA rsa)
    {
        var contentKey = RandomNumberGenerator.GetBytes(KeyLength);
        var vector = RandomNumberGenerator.GetBytes(BlockLength);
        using var aes = Aes.Create();
        aes.Key = contentKey;
        var content = aes.EncryptCbc(plaintext, vector);
        var recipient = Definite(
            0x30,
            s_version,
            Definite(0x80, SHA256.HashData(publicKey)),
            s_oaepSha256,
            Definite(0x04, rsa.Encrypt(contentKey, RSAEncryptionPadding.OaepSHA256)));
        CryptographicOperations.ZeroMemory(contentKey);
        return Indefinite(
            0x30,
            s_envelopedData,
            Indefinite(
                0xA0,
                Indefinite(
                    0x30,
                    s_version,
                    Definite(0x31, recipient),
                    Indefinite(
                        0x30,
                        s_data,
                        Definite(0x30, s_aes256Cbc, Definite(0x04, vector)),
                        Indefinite(0xA0, Definite(0x04, content))))));
    }

    static byte[] Indefinite(byte tag, params ReadOnlySpan<byte[]> parts) => [tag, 0x80, .. Join(parts), 0, 0];

    static byte[] Definite(byte tag, params ReadOnlySpan<byte[]> parts)
    {
        var content = Join(parts);
        return content.Length switch
        {
            < 0x80 => [tag, (byte)content.Length, .. content],
            <= 0xFF => [tag, 0x81, (byte)content.Length, .. content],
            _ => [tag, 0x82, (byte)(content.Length >> 8), (byte)content.Length, .. content],
        };
    }

    static byte[] Join(ReadOnlySpan<byte[]> parts)
    {
        var joined = new List<byte>();
        foreach (var part in parts)
        {
            joined.AddRange(part);
        }

        return [.. joined];
    }
}
