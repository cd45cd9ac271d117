using System.Security.Cryptography;
using System.Security.Cryptography.Pkcs;

namespace NitroEnclaves.Kms;

/// <summary>
/// A <c>CiphertextForRecipient</c>: the CMS EnvelopedData (RFC 5652, section 6) in which KMS encrypts a plaintext for one RSA key.
/// </summary>
/// <remarks>
/// The form carries no authentication. Whoever sees the enclave's public key, its parent for one, can make a message that opens well;
/// that a plaintext comes from KMS is known only by the TLS connection that brought it, which therefore has to end in the enclave.
/// </remarks>
public sealed class RecipientEnvelope
{
    /// <summary>The longest message that KMS makes, in bytes (its type CiphertextType).</summary>
    public const int MaximumLength = 6144;

    readonly byte[] _message;

    RecipientEnvelope(byte[] message, RecipientEnvelopeFields fields)
    {
        _message = message;
        KeyIdentifier = fields.KeyIdentifier;
        EncryptedKey = fields.EncryptedKey;
        InitializationVector = fields.InitializationVector;
        EncryptedContent = fields.EncryptedContent;
    }

    /// <summary>The key that the message is for: the SHA-256 of its SubjectPublicKeyInfo, 32 bytes.</summary>
    public ReadOnlyMemory<byte> KeyIdentifier { get; }

    /// <summary>The content's key, encrypted; as long as the RSA key's modulus.</summary>
    public ReadOnlyMemory<byte> EncryptedKey { get; }

    /// <summary>The initialization vector of AES-256-CBC, 16 bytes.</summary>
    public ReadOnlyMemory<byte> InitializationVector { get; }

    /// <summary>The content, encrypted: a positive multiple of 16 bytes.</summary>
    public ReadOnlyMemory<byte> EncryptedContent { get; }

    /// <summary>
    /// Reads a message and checks everything about it that can be without its key: one recipient, named by a key identifier;
    /// RSAES-OAEP with SHA-256, AES-256-CBC; no attributes; nothing after it. Lengths may be definite or indefinite, the content in one
    /// piece or several, as KMS has written them over the years.
    /// </summary>
    /// <param name="message">The message and nothing else. It is copied.</param>
    /// <exception cref="KmsRecipientException">
    /// It is something else; the failure is one of <see cref="KmsRecipientFailure.Length"/> to <see cref="KmsRecipientFailure.Content"/>.
    /// </exception>
    public static RecipientEnvelope Parse(ReadOnlySpan<byte> message)
    {
        if (message.Length is 0 or > MaximumLength)
        {
            throw new KmsRecipientException(
                KmsRecipientFailure.Length, $"The message has {message.Length} bytes; 1 to {MaximumLength} are accepted.");
        }

        var copy = message.ToArray();
        return new RecipientEnvelope(copy, RecipientEnvelopeFields.Read(copy));
    }

    /// <summary>Opens the message.</summary>
    /// <param name="key">The recipient's private key.</param>
    /// <returns>The plaintext, which the caller clears when it is done with it.</returns>
    /// <exception cref="KmsRecipientException">
    /// It is for another key (<see cref="KmsRecipientFailure.KeyIdentifier"/>), or
    /// <see cref="KmsRecipientFailure.EncryptedKeyLength"/>, <see cref="KmsRecipientFailure.Decryption"/>.
    /// </exception>
    public byte[] Open(RSA key)
    {
        ArgumentNullException.ThrowIfNull(key);
        // First, and in words: without it a message for another enclave would only be one that does not decrypt.
        if (!SHA256.HashData(key.ExportSubjectPublicKeyInfo()).AsSpan().SequenceEqual(KeyIdentifier.Span))
        {
            throw new KmsRecipientException(
                KmsRecipientFailure.KeyIdentifier,
                $"The message is for the key {Convert.ToHexStringLower(KeyIdentifier.Span)}, not for this recipient's.");
        }

        if (EncryptedKey.Length != key.KeySize / 8)
        {
            throw new KmsRecipientException(
                KmsRecipientFailure.EncryptedKeyLength,
                $"The encrypted key has {EncryptedKey.Length} bytes; a key of {key.KeySize} bits encrypts to {key.KeySize / 8}.");
        }

        try
        {
            using var decryption = new ContentKeyDecryption(key);
            var cms = new EnvelopedCms();
            cms.Decode(_message);
            cms.Decrypt(cms.RecipientInfos[0], decryption);
            return cms.ContentInfo.Content;
        }
        catch (CryptographicException exception)
        {
            throw new KmsRecipientException(
                KmsRecipientFailure.Decryption,
                "The message does not decrypt: it was changed on its way, or made by somebody else than KMS.",
                exception);
        }
    }
}
