using Amazon.KeyManagementService;
using Amazon.KeyManagementService.Model;
using Amazon.Runtime;
using NitroEnclaves.Nsm;

namespace NitroEnclaves.Kms;

/// <summary>
/// The five operations of AWS KMS that answer to an attested enclave. Each takes the ordinary request and gives the ordinary response, with
/// the plaintext where it always is; on the wire it travelled encrypted for the recipient.
/// </summary>
/// <remarks>
/// All set the request's <c>Recipient</c> to a new document. Besides the SDK's own exceptions they throw <see cref="KmsRecipientException"/>
/// for answers that cannot be relied upon and for clients without TLS, and <see cref="NsmException"/> where the NSM refuses the document.
/// The plaintext's stream is the caller's, as is clearing its buffer (<see cref="MemoryStream.GetBuffer"/>).
/// </remarks>
public static class KmsRecipientExtensions
{
    /// <summary>Decrypts a ciphertext that KMS, or a holder of the public key, encrypted under a KMS key.</summary>
    /// <param name="kms">The SDK's client.</param>
    /// <param name="request">The request. Its encryption context is what keeps an old ciphertext from being taken for a new one.</param>
    /// <param name="recipient">Whom KMS answers to.</param>
    /// <param name="cancellationToken">Ends the request.</param>
    public static Task<DecryptResponse> DecryptAsync(
        this IAmazonKeyManagementService kms, DecryptRequest request, KmsRecipient recipient, CancellationToken cancellationToken = default) =>
        RunAsync(
            kms, request, recipient, static (request, info) => request.Recipient = info, static (kms, request, token) => kms.DecryptAsync(request, token),
            static response => (response.CiphertextForRecipient, response.Plaintext), static (response, plaintext) => response.Plaintext = plaintext,
            cancellationToken);

    /// <summary>Makes a data key: its plaintext for the enclave, its ciphertext for safekeeping.</summary>
    /// <inheritdoc cref="DecryptAsync" path="/param"/>
    public static Task<GenerateDataKeyResponse> GenerateDataKeyAsync(
        this IAmazonKeyManagementService kms, GenerateDataKeyRequest request, KmsRecipient recipient, CancellationToken cancellationToken = default) =>
        RunAsync(
            kms, request, recipient, static (request, info) => request.Recipient = info, static (kms, request, token) => kms.GenerateDataKeyAsync(request, token),
            static response => (response.CiphertextForRecipient, response.Plaintext), static (response, plaintext) => response.Plaintext = plaintext,
            cancellationToken);

    /// <summary>Makes a pair of keys; the private one is in the response's <c>PrivateKeyPlaintext</c> (PKCS #8).</summary>
    /// <inheritdoc cref="DecryptAsync" path="/param"/>
    public static Task<GenerateDataKeyPairResponse> GenerateDataKeyPairAsync(
        this IAmazonKeyManagementService kms, GenerateDataKeyPairRequest request, KmsRecipient recipient, CancellationToken cancellationToken = default) =>
        RunAsync(
            kms, request, recipient, static (request, info) => request.Recipient = info, static (kms, request, token) => kms.GenerateDataKeyPairAsync(request, token),
            static response => (response.CiphertextForRecipient, response.PrivateKeyPlaintext),
            static (response, plaintext) => response.PrivateKeyPlaintext = plaintext,
            cancellationToken);

    /// <summary>Asks for random bytes. No key, and so no key policy, has a part in it.</summary>
    /// <inheritdoc cref="DecryptAsync" path="/param"/>
    public static Task<GenerateRandomResponse> GenerateRandomAsync(
        this IAmazonKeyManagementService kms, GenerateRandomRequest request, KmsRecipient recipient, CancellationToken cancellationToken = default) =>
        RunAsync(
            kms, request, recipient, static (request, info) => request.Recipient = info, static (kms, request, token) => kms.GenerateRandomAsync(request, token),
            static response => (response.CiphertextForRecipient, response.Plaintext), static (response, plaintext) => response.Plaintext = plaintext,
            cancellationToken);

    /// <summary>Agrees with a peer's public key on a secret (ECDH), in the response's <c>SharedSecret</c>.</summary>
    /// <inheritdoc cref="DecryptAsync" path="/param"/>
    public static Task<DeriveSharedSecretResponse> DeriveSharedSecretAsync(
        this IAmazonKeyManagementService kms, DeriveSharedSecretRequest request, KmsRecipient recipient, CancellationToken cancellationToken = default) =>
        RunAsync(
            kms, request, recipient, static (request, info) => request.Recipient = info, static (kms, request, token) => kms.DeriveSharedSecretAsync(request, token),
            static response => (response.CiphertextForRecipient, response.SharedSecret), static (response, plaintext) => response.SharedSecret = plaintext,
            cancellationToken);

    static async Task<TResponse> RunAsync<TRequest, TResponse>(
        IAmazonKeyManagementService kms,
        TRequest request,
        KmsRecipient recipient,
        Action<TRequest, RecipientInfo> setRecipient,
        Func<IAmazonKeyManagementService, TRequest, CancellationToken, Task<TResponse>> send,
        Func<TResponse, (MemoryStream? Ciphertext, MemoryStream? Plaintext)> read,
        Action<TResponse, MemoryStream> setPlaintext,
        CancellationToken cancellationToken)
        where TRequest : AmazonWebServiceRequest
    {
        ArgumentNullException.ThrowIfNull(kms);
        ArgumentNullException.ThrowIfNull(request);
        ArgumentNullException.ThrowIfNull(recipient);
        if (!recipient.AllowsPlainHttp)
        {
            ExpectTls(kms, request);
        }

        setRecipient(request, await recipient.AttestAsync(cancellationToken).ConfigureAwait(false));
        var response = await send(kms, request, cancellationToken).ConfigureAwait(false);
        var (ciphertext, plaintext) = read(response);
        if (plaintext is { Length: > 0 })
        {
            throw new KmsRecipientException(
                KmsRecipientFailure.PlaintextInClear, "The answer has the plaintext itself: it was not encrypted for this enclave, and others have seen it.");
        }

        if (ciphertext is not { Length: > 0 })
        {
            throw new KmsRecipientException(KmsRecipientFailure.NoCiphertext, "The answer has no CiphertextForRecipient.");
        }

        var opened = recipient.Open(ciphertext.ToArray());
        setPlaintext(response, new MemoryStream(opened, 0, opened.Length, writable: false, publiclyVisible: true));
        return response;
    }

    static void ExpectTls(IAmazonKeyManagementService kms, AmazonWebServiceRequest request)
    {
        var address = kms.DetermineServiceOperationEndpoint(request)?.URL;
        if (address is null || !address.StartsWith("https://", StringComparison.OrdinalIgnoreCase))
        {
            throw new KmsRecipientException(
                KmsRecipientFailure.InsecureTransport,
                $"The client would reach KMS at {address ?? "an unknown address"} without TLS. {nameof(KmsRecipientOptions.AllowPlainHttp)} is for emulators.");
        }
    }
}
