using System.Buffers.Binary;
using System.Diagnostics.CodeAnalysis;
using System.Security.Cryptography;
using System.Text;

namespace NitroEnclaves.Kms.Emulator;

/// <summary>What the emulator encrypts under a symmetric key; AWS's KMS cannot read it, nor it what AWS's makes.</summary>
/// <remarks>
/// <code>
/// magic "NKE1" | key id (16) | nonce (12) | tag (16) | AES-256-GCM of the plaintext
/// </code>
/// Everything before the tag and the encryption context are authenticated with it.
/// </remarks>
static class CiphertextBlob
{
    const int KeyIdLength = 16;
    const int NonceLength = 12;
    const int TagLength = 16;
    const int NonceOffset = 4 + KeyIdLength;
    const int TagOffset = NonceOffset + NonceLength;
    const int HeaderLength = TagOffset + TagLength;

    static ReadOnlySpan<byte> Magic => "NKE1"u8;

    /// <summary>Encrypts a plaintext.</summary>
    internal static byte[] Seal(KmsKey key, ReadOnlySpan<byte> plaintext, SortedDictionary<string, string> context)
    {
        var blob = new byte[HeaderLength + plaintext.Length];
        Magic.CopyTo(blob);
        key.Id.TryWriteBytes(blob.AsSpan(Magic.Length), bigEndian: true, out _);
        var nonce = blob.AsSpan(NonceOffset, NonceLength);
        RandomNumberGenerator.Fill(nonce);
        using var aes = new AesGcm(key.Material, TagLength);
        aes.Encrypt(nonce, plaintext, blob.AsSpan(HeaderLength), blob.AsSpan(TagOffset, TagLength), Authenticated(blob, context));
        return blob;
    }

    /// <summary>The key that a blob says it was encrypted under.</summary>
    internal static bool TryReadKeyId(ReadOnlySpan<byte> blob, [NotNullWhen(true)] out Guid? keyId)
    {
        var isBlob = blob.Length >= HeaderLength && blob.StartsWith(Magic);
        keyId = isBlob ? new Guid(blob.Slice(Magic.Length, KeyIdLength), bigEndian: true) : null;
        return isBlob;
    }

    /// <summary>Decrypts a blob of which <see cref="TryReadKeyId"/> named the key.</summary>
    /// <exception cref="KmsErrorException">It was changed, or encrypted with another context.</exception>
    internal static byte[] Open(KmsKey key, ReadOnlySpan<byte> blob, SortedDictionary<string, string> context)
    {
        var plaintext = new byte[blob.Length - HeaderLength];
        using var aes = new AesGcm(key.Material, TagLength);
        try
        {
            aes.Decrypt(
                blob.Slice(NonceOffset, NonceLength), blob[HeaderLength..], blob.Slice(TagOffset, TagLength), plaintext, Authenticated(blob, context));
            return plaintext;
        }
        catch (AuthenticationTagMismatchException)
        {
            throw KmsErrorException.InvalidCiphertext("The ciphertext was changed, or encrypted with another encryption context.");
        }
    }

    // Lengths before texts: no two contexts give the same bytes.
    static byte[] Authenticated(ReadOnlySpan<byte> blob, SortedDictionary<string, string> context)
    {
        var bytes = new List<byte>(blob[..TagOffset].ToArray());
        Span<byte> length = stackalloc byte[4];
        foreach (var text in context.SelectMany(entry => (string[])[entry.Key, entry.Value]))
        {
            var encoded = Encoding.UTF8.GetBytes(text);
            BinaryPrimitives.WriteInt32BigEndian(length, encoded.Length);
            bytes.AddRange(length);
            bytes.AddRange(encoded);
        }

        return [.. bytes];
    }
}
