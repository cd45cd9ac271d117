using System.Security.Cryptography;
using Amazon;
using Amazon.KeyManagementService;
using Amazon.KeyManagementService.Model;
using Amazon.Runtime;
using NitroEnclaves.Cose;
using NitroEnclaves.Images;

namespace NitroEnclaves.Cli.Signing;

/// <summary>
/// A private key in AWS KMS (key usage SIGN_VERIFY, ECC_NIST_P256, P384 or P521): digests go there, signatures come back.
/// Credentials and endpoint are those of the AWS SDK: environment, profile, instance role; <c>AWS_ENDPOINT_URL_KMS</c>.
/// </summary>
sealed class KmsSigningKey : ICoseSigner
{
    readonly AmazonKeyManagementServiceClient _client;
    readonly string _keyId;

    KmsSigningKey(AmazonKeyManagementServiceClient client, string keyId, CoseAlgorithm algorithm)
    {
        _client = client;
        _keyId = keyId;
        Algorithm = algorithm;
    }

    /// <summary>The algorithm, which follows from the key's curve.</summary>
    public CoseAlgorithm Algorithm { get; }

    /// <summary>A signer with a KMS key; asks KMS for the public key, which must be the certificate's.</summary>
    /// <param name="certificatePem">The certificate's PEM file.</param>
    /// <param name="arn">The key.</param>
    /// <exception cref="CommandFailure">KMS cannot be asked, or refuses.</exception>
    /// <exception cref="EifSigningException">The key is of another kind, or not the certificate's.</exception>
    public static EifSigner OpenSigner(byte[] certificatePem, KmsKeyArn arn)
    {
        var configuration = new AmazonKeyManagementServiceConfig { RegionEndpoint = RegionEndpoint.GetBySystemName(arn.Region) };
        if (Endpoint() is { } endpoint)
        {
            configuration.ServiceURL = endpoint;
            configuration.AuthenticationRegion = arn.Region;
        }

        var client = new AmazonKeyManagementServiceClient(configuration);
        var publicKey = Ask(arn.Arn, () => client.GetPublicKeyAsync(new GetPublicKeyRequest { KeyId = arn.Arn })).PublicKey.ToArray();
        CheckCertificate(certificatePem, publicKey);
        return new EifSigner(certificatePem, new KmsSigningKey(client, arn.Arn, AlgorithmOf(publicKey)));
    }

    /// <inheritdoc/>
    public void SignHash(ReadOnlySpan<byte> hash, Span<byte> signature)
    {
        var request = new SignRequest
        {
            KeyId = _keyId,
            Message = new MemoryStream(hash.ToArray()),
            MessageType = MessageType.DIGEST,
            SigningAlgorithm = hash.Length switch
            {
                SHA256.HashSizeInBytes => SigningAlgorithmSpec.ECDSA_SHA_256,
                SHA384.HashSizeInBytes => SigningAlgorithmSpec.ECDSA_SHA_384,
                _ => SigningAlgorithmSpec.ECDSA_SHA_512,
            },
        };
        var der = Ask(_keyId, () => _client.SignAsync(request)).Signature.ToArray();
        DetachedSignature.ToFixedLength(der, Algorithm).CopyTo(signature);
    }

    static void CheckCertificate(byte[] certificatePem, byte[] publicKey)
    {
        if (!EifSigner.GetSubjectPublicKeyInfo(certificatePem).AsSpan().SequenceEqual(publicKey))
        {
            throw new EifSigningException(EifSigningError.KeyMismatch, "The certificate is not for this KMS key.");
        }
    }

    static CoseAlgorithm AlgorithmOf(byte[] publicKey)
    {
        using var key = ECDsa.Create();
        key.ImportSubjectPublicKeyInfo(publicKey, out _);
        return key.GetCoseAlgorithm()!.Value;
    }

    // The SDK waits asynchronously only; signing is a step of a synchronous pass over the image.
    static T Ask<T>(string keyId, Func<Task<T>> call)
    {
        try
        {
            return Task.Run(call).GetAwaiter().GetResult();
        }
        catch (Exception exception) when (exception is AmazonClientException or AmazonServiceException or HttpRequestException)
        {
            throw new CommandFailure(60, $"AWS KMS does not help with {keyId}: {exception.Message}");
        }
    }

    static string? Endpoint() =>
        Environment.GetEnvironmentVariable("AWS_ENDPOINT_URL_KMS") is { Length: > 0 } endpoint ? endpoint : null;
}
