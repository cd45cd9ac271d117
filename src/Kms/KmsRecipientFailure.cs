namespace NitroEnclaves.Kms;

/// <summary>Why an answer of KMS was refused.</summary>
public enum KmsRecipientFailure
{
    /// <summary>The client would talk to KMS without TLS: the enclave's parent could answer in its place.</summary>
    InsecureTransport,

    /// <summary>The answer has no CiphertextForRecipient.</summary>
    NoCiphertext,

    /// <summary>The answer has the plaintext itself: whoever gave it has not encrypted it for the enclave.</summary>
    PlaintextInClear,

    /// <summary>The message is empty, or longer than KMS makes any.</summary>
    Length,

    /// <summary>The message is not well-formed BER of the expected structure.</summary>
    Malformed,

    /// <summary>Bytes follow the message.</summary>
    TrailingData,

    /// <summary>The message is not a CMS EnvelopedData, or its content is not plain data.</summary>
    ContentType,

    /// <summary>The structure, or its recipient, is not of version 2.</summary>
    Version,

    /// <summary>The message is not for exactly one recipient that is named by a key identifier.</summary>
    Recipient,

    /// <summary>The content's key is not encrypted by RSAES-OAEP with SHA-256 for both the label's hash and MGF1.</summary>
    KeyEncryptionAlgorithm,

    /// <summary>The content is not encrypted by AES-256-CBC with an initialization vector of 16 bytes.</summary>
    ContentEncryptionAlgorithm,

    /// <summary>The encrypted content is not a whole, positive number of cipher blocks.</summary>
    Content,

    /// <summary>The message is for another key.</summary>
    KeyIdentifier,

    /// <summary>The encrypted key is not as long as this key's modulus.</summary>
    EncryptedKeyLength,

    /// <summary>The message does not decrypt: it was changed on its way, or made by somebody else than KMS.</summary>
    Decryption,
}
