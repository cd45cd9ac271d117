using System.Formats.Asn1;
using System.Security.Cryptography;

namespace NitroEnclaves.Kms;

/// <summary>Reads the fields of an envelope out of its BER.</summary>
/// <remarks>
/// <code>
/// ContentInfo { envelopedData, [0] EnvelopedData {
///     2,
///     SET { KeyTransRecipientInfo { 2, [0] subjectKeyIdentifier,
///         RSAES-OAEP { [0] { sha256 }, [1] { mgf1 { sha256 } } }, OCTET STRING encryptedKey } },
///     EncryptedContentInfo { data, aes256-CBC { OCTET STRING iv }, [0] IMPLICIT OCTET STRING content } } }
/// </code>
/// Originator information and unprotected attributes, which KMS never sends, are refused by their tags.
/// </remarks>
readonly ref struct RecipientEnvelopeFields
{
    const string EnvelopedData = "1.2.840.113549.1.7.3";
    const string Data = "1.2.840.113549.1.7.1";
    const string RsaesOaep = "1.2.840.113549.1.1.7";
    const string Mgf1 = "1.2.840.113549.1.1.8";
    const string Sha256 = "2.16.840.1.101.3.4.2.1";
    const string Aes256Cbc = "2.16.840.1.101.3.4.1.42";
    const int Version = 2;
    const int BlockLength = 16;

    static readonly Asn1Tag s_tag0 = new(TagClass.ContextSpecific, 0);
    static readonly Asn1Tag s_tag0Constructed = new(TagClass.ContextSpecific, 0, isConstructed: true);
    static readonly Asn1Tag s_tag1Constructed = new(TagClass.ContextSpecific, 1, isConstructed: true);

    RecipientEnvelopeFields(byte[] keyIdentifier, byte[] encryptedKey, byte[] initializationVector, byte[] encryptedContent)
    {
        KeyIdentifier = keyIdentifier;
        EncryptedKey = encryptedKey;
        InitializationVector = initializationVector;
        EncryptedContent = encryptedContent;
    }

    internal byte[] KeyIdentifier { get; }

    internal byte[] EncryptedKey { get; }

    internal byte[] InitializationVector { get; }

    internal byte[] EncryptedContent { get; }

    /// <exception cref="KmsRecipientException">The bytes are something else.</exception>
    internal static RecipientEnvelopeFields Read(ReadOnlyMemory<byte> message)
    {
        try
        {
            var outer = new AsnReader(message, AsnEncodingRules.BER);
            var contentInfo = outer.ReadSequence();
            if (outer.HasData)
            {
                throw new KmsRecipientException(KmsRecipientFailure.TrailingData, "Bytes follow the message.");
            }

            Expect(contentInfo, EnvelopedData, KmsRecipientFailure.ContentType);
            var wrapped = contentInfo.ReadSequence(s_tag0Constructed);
            contentInfo.ThrowIfNotEmpty();
            var enveloped = wrapped.ReadSequence();
            wrapped.ThrowIfNotEmpty();
            ExpectVersion(enveloped);
            var (keyIdentifier, encryptedKey) = ReadRecipient(enveloped);
            var (initializationVector, encryptedContent) = ReadContent(enveloped.ReadSequence());
            enveloped.ThrowIfNotEmpty();
            return new RecipientEnvelopeFields(keyIdentifier, encryptedKey, initializationVector, encryptedContent);
        }
        catch (AsnContentException exception)
        {
            throw new KmsRecipientException(
                KmsRecipientFailure.Malformed, $"The message is not an envelope of KMS: {exception.Message}", exception);
        }
    }

    static (byte[] KeyIdentifier, byte[] EncryptedKey) ReadRecipient(AsnReader enveloped)
    {
        var recipients = enveloped.ReadSetOf(skipSortOrderValidation: true);
        if (!recipients.HasData || recipients.PeekTag() is not { TagClass: TagClass.Universal, TagValue: (int)UniversalTagNumber.Sequence })
        {
            throw new KmsRecipientException(KmsRecipientFailure.Recipient, "The message has no recipient with an RSA key.");
        }

        var recipient = recipients.ReadSequence();
        if (recipients.HasData)
        {
            throw new KmsRecipientException(KmsRecipientFailure.Recipient, "The message has several recipients.");
        }

        ExpectVersion(recipient);
        if (!recipient.HasData || !recipient.PeekTag().HasSameClassAndValue(s_tag0))
        {
            throw new KmsRecipientException(KmsRecipientFailure.Recipient, "The recipient is not named by a key identifier.");
        }

        var keyIdentifier = recipient.ReadOctetString(s_tag0);
        if (keyIdentifier.Length != SHA256.HashSizeInBytes)
        {
            throw new KmsRecipientException(KmsRecipientFailure.Recipient, $"The key identifier has {keyIdentifier.Length} bytes, not 32.");
        }

        ExpectOaep(recipient.ReadSequence());
        var encryptedKey = recipient.ReadOctetString();
        recipient.ThrowIfNotEmpty();
        return (keyIdentifier, encryptedKey);
    }

    // Left out, the parameters would mean SHA-1: KMS sent such messages until 2021.
    static void ExpectOaep(AsnReader algorithm)
    {
        const KmsRecipientFailure failure = KmsRecipientFailure.KeyEncryptionAlgorithm;
        Expect(algorithm, RsaesOaep, failure);
        var parameters = algorithm.HasData ? algorithm.ReadSequence() : null;
        if (parameters is null || !parameters.HasData || !parameters.PeekTag().HasSameClassAndValue(s_tag0))
        {
            throw new KmsRecipientException(failure, "The key is encrypted by RSAES-OAEP with SHA-1.");
        }

        ExpectSha256(parameters.ReadSequence(s_tag0Constructed));
        if (!parameters.HasData || !parameters.PeekTag().HasSameClassAndValue(s_tag1Constructed))
        {
            throw new KmsRecipientException(failure, "The key is encrypted by RSAES-OAEP with SHA-1 in its mask.");
        }

        var wrapped = parameters.ReadSequence(s_tag1Constructed);
        var mask = wrapped.ReadSequence();
        wrapped.ThrowIfNotEmpty();
        Expect(mask, Mgf1, failure);
        ExpectSha256(mask);
        if (parameters.HasData)
        {
            throw new KmsRecipientException(failure, "The key is encrypted by RSAES-OAEP with a label.");
        }

        algorithm.ThrowIfNotEmpty();
    }

    static void ExpectSha256(AsnReader wrapped)
    {
        var hash = wrapped.ReadSequence();
        wrapped.ThrowIfNotEmpty();
        Expect(hash, Sha256, KmsRecipientFailure.KeyEncryptionAlgorithm);
        if (hash.HasData)
        {
            hash.ReadNull();
        }

        hash.ThrowIfNotEmpty();
    }

    static (byte[] InitializationVector, byte[] EncryptedContent) ReadContent(AsnReader content)
    {
        Expect(content, Data, KmsRecipientFailure.ContentType);
        var algorithm = content.ReadSequence();
        Expect(algorithm, Aes256Cbc, KmsRecipientFailure.ContentEncryptionAlgorithm);
        var initializationVector = algorithm.ReadOctetString();
        algorithm.ThrowIfNotEmpty();
        if (initializationVector.Length != BlockLength)
        {
            throw new KmsRecipientException(
                KmsRecipientFailure.ContentEncryptionAlgorithm, $"The initialization vector has {initializationVector.Length} bytes, not 16.");
        }

        var encryptedContent = content.ReadOctetString(s_tag0);
        content.ThrowIfNotEmpty();
        return encryptedContent.Length > 0 && encryptedContent.Length % BlockLength == 0
            ? (initializationVector, encryptedContent)
            : throw new KmsRecipientException(
                KmsRecipientFailure.Content, $"The content has {encryptedContent.Length} bytes, not a whole number of cipher blocks.");
    }

    static void ExpectVersion(AsnReader reader)
    {
        if (!reader.TryReadInt32(out var version) || version != Version)
        {
            throw new KmsRecipientException(KmsRecipientFailure.Version, "The message, or its recipient, is not of version 2.");
        }
    }

    static void Expect(AsnReader reader, string identifier, KmsRecipientFailure failure)
    {
        if (reader.ReadObjectIdentifier() is var found && found != identifier)
        {
            throw new KmsRecipientException(failure, $"{found} stands where {identifier} is expected.");
        }
    }
}
