using System.Security.Cryptography;

namespace NitroEnclaves.Kms.Tests;

/// <summary>Puts envelopes together piece by piece, with every piece open to change; shares nothing with the reader under test.</summary>
sealed record EnvelopeForge
{
    static readonly byte[] s_sha256 = Convert.FromHexString("300d06096086480165030402010500");
    static readonly byte[] s_mgf1 = Convert.FromHexString("301a06092a864886f70d010108300d06096086480165030402010500");
    static readonly byte[] s_oaep = Convert.FromHexString("06092a864886f70d010107");
    static readonly byte[] s_aes256Cbc = Convert.FromHexString("060960864801650304012a");

    public required RSA Key { get; init; }

    public byte[] Plaintext { get; init; } = [1, 2, 3];

    public byte[] ContentType { get; init; } = Convert.FromHexString("06092a864886f70d010703");

    public byte[] DataType { get; init; } = Convert.FromHexString("06092a864886f70d010701");

    public byte[] Version { get; init; } = [2, 1, 2];

    public byte[] RecipientVersion { get; init; } = [2, 1, 2];

    public byte[]? KeyIdentifier { get; init; }

    public byte[] OaepParameters { get; init; } = Wrap(0x30, Wrap(0xA0, s_sha256), Wrap(0xA1, s_mgf1));

    public int ContentKeyLength { get; init; } = 32;

    public byte[] EncryptedKeyTail { get; init; } = [];

    public int IvLength { get; init; } = 16;

    /// <summary>Into how many pieces the content is cut; 0 for the primitive form.</summary>
    public int Pieces { get; init; } = 1;

    public Func<byte[], byte[]> ChangeContent { get; init; } = content => content;

    public byte[] AfterRecipients { get; init; } = [];

    public byte[] AfterRecipient { get; init; } = [];

    public byte[] Attributes { get; init; } = [];

    public bool Definite { get; init; }

    public byte[] Build()
    {
        var contentKey = RandomNumberGenerator.GetBytes(ContentKeyLength);
        var vector = RandomNumberGenerator.GetBytes(IvLength);
        using var aes = Aes.Create();
        aes.Key = contentKey;
        var content = ChangeContent(aes.EncryptCbc(Plaintext, IvLength == 16 ? vector : new byte[16]));
        byte[] encryptedKey = [.. Key.Encrypt(contentKey, RSAEncryptionPadding.OaepSHA256), .. EncryptedKeyTail];
        var recipient = Wrap(
            0x30,
            RecipientVersion,
            Wrap(0x80, KeyIdentifier ?? SHA256.HashData(Key.ExportSubjectPublicKeyInfo())),
            Wrap(0x30, s_oaep, OaepParameters),
            Wrap(0x04, encryptedKey),
            AfterRecipient);
        return Open(
            0x30,
            ContentType,
            Open(
                0xA0,
                Open(
                    0x30,
                    Version,
                    Wrap(0x31, recipient, AfterRecipients),
                    Open(0x30, DataType, Wrap(0x30, s_aes256Cbc, Wrap(0x04, vector)), Content(content)),
                    Attributes)));
    }

    byte[] Content(byte[] content) => Pieces == 0
        ? Wrap(0x80, content)
        : Open(0xA0, [.. content.Chunk(Math.Max(1, (content.Length + Pieces - 1) / Pieces)).Select(piece => Wrap(0x04, piece))]);

    byte[] Open(byte tag, params byte[][] parts) => Definite ? Wrap(tag, parts) : [tag, 0x80, .. parts.SelectMany(part => part), 0, 0];

    public static byte[] Wrap(byte tag, params byte[][] parts)
    {
        byte[] body = [.. parts.SelectMany(part => part)];
        return body.Length < 128 ? [tag, (byte)body.Length, .. body] : [tag, 0x82, (byte)(body.Length >> 8), (byte)body.Length, .. body];
    }
}
