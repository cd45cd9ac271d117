using System.Security.Cryptography;
using Amazon.KeyManagementService;
using Amazon.KeyManagementService.Model;
using NitroEnclaves.Nsm;

namespace NitroEnclaves.Kms;

/// <summary>
/// An RSA key that exists in this enclave's memory only, for AWS KMS to encrypt its answers with. Each request carries an attestation
/// document with the public key, so KMS answers to an enclave that the key's policy names, and to nobody else.
/// </summary>
/// <remarks>
/// <para>
/// One recipient for one purpose: make one, use it for what belongs together, dispose of it. Everything that was ever encrypted for a
/// key can be read with it. Making one takes a few ten milliseconds of computing, a document about one.
/// </para>
/// <para>
/// The extension methods of <see cref="KmsRecipientExtensions"/> do everything for a request; <see cref="AttestAsync"/> and
/// <see cref="Open"/> are their two halves.
/// </para>
/// <example>
/// <code>
/// using var recipient = new KmsRecipient(nsm);
/// var response = await kms.DecryptAsync(new DecryptRequest { CiphertextBlob = blob, EncryptionContext = context }, recipient);
/// // response.Plaintext, as without an enclave
/// </code>
/// </example>
/// </remarks>
public sealed class KmsRecipient : IDisposable
{
    readonly NsmClient _nsm;
    readonly RSA _key;
    readonly byte[] _publicKey;

    /// <summary>Makes a recipient with a new key.</summary>
    /// <param name="nsm">Signs the documents. It has to stay; the recipient does not dispose of it.</param>
    /// <param name="options">The key's length and the like; null for the defaults.</param>
    /// <exception cref="ArgumentOutOfRangeException">The key's length is none of those allowed.</exception>
    public KmsRecipient(NsmClient nsm, KmsRecipientOptions? options = null)
        : this(nsm, CreateKey((options ??= new KmsRecipientOptions()).KeySize), options)
    {
    }

    internal KmsRecipient(NsmClient nsm, RSA key, KmsRecipientOptions options)
    {
        ArgumentNullException.ThrowIfNull(nsm);
        _nsm = nsm;
        _key = key;
        _publicKey = key.ExportSubjectPublicKeyInfo();
        AllowsPlainHttp = options.AllowPlainHttp;
    }

    /// <summary>The public key as the documents carry it: the DER of its SubjectPublicKeyInfo.</summary>
    public ReadOnlyMemory<byte> PublicKey => _publicKey;

    /// <inheritdoc cref="KmsRecipientOptions.AllowPlainHttp"/>
    public bool AllowsPlainHttp { get; }

    /// <summary>Asks the NSM for a document and makes a request's <c>Recipient</c> of it. Use it soon: KMS refuses old documents.</summary>
    /// <param name="cancellationToken">Abandons the wait.</param>
    /// <exception cref="NsmException">The NSM refuses, or its reply makes no sense.</exception>
    /// <exception cref="IOException">The NSM's device failed.</exception>
    /// <exception cref="ObjectDisposedException">The recipient has been disposed of.</exception>
    public async Task<RecipientInfo> AttestAsync(CancellationToken cancellationToken = default)
    {
        ObjectDisposedException.ThrowIf(IsDisposed, this);
        var document = await _nsm.GetAttestationDocumentAsync(publicKey: _publicKey, cancellationToken: cancellationToken).ConfigureAwait(false);
        return new RecipientInfo
        {
            AttestationDocument = new MemoryStream(document, writable: false),
            KeyEncryptionAlgorithm = KeyEncryptionMechanism.RSAES_OAEP_SHA_256,
        };
    }

    /// <summary>Opens what KMS encrypted for this recipient.</summary>
    /// <param name="ciphertextForRecipient">The member of that name of KMS's answer, whole.</param>
    /// <returns>The plaintext, which the caller clears when it is done with it.</returns>
    /// <exception cref="KmsRecipientException">It is no such message, is for another key, or does not decrypt.</exception>
    /// <exception cref="ObjectDisposedException">The recipient has been disposed of.</exception>
    public byte[] Open(ReadOnlySpan<byte> ciphertextForRecipient)
    {
        ObjectDisposedException.ThrowIf(IsDisposed, this);
        return RecipientEnvelope.Parse(ciphertextForRecipient).Open(_key);
    }

    /// <summary>Forgets the key: what was encrypted for it stays unread.</summary>
    public void Dispose()
    {
        IsDisposed = true;
        _key.Dispose();
    }

    bool IsDisposed { get; set; }

    static RSA CreateKey(int keySize) => keySize is 2048 or 3072 or 4096
        ? RSA.Create(keySize)
        : throw new ArgumentOutOfRangeException(nameof(keySize), keySize, "The key has 2048, 3072 or 4096 bits.");
}
