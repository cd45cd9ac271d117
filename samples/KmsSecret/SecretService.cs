using System.Security.Cryptography;
using System.Text.Json;
using Amazon.KeyManagementService;
using Amazon.KeyManagementService.Model;
using Amazon.Runtime;
using NitroEnclaves.Kms;
using NitroEnclaves.Nsm;

namespace KmsSecret;

/// <summary>Has AWS KMS decrypt a secret for this enclave, uses it once, and forgets it.</summary>
/// <param name="nsm">Signs the documents by which KMS knows the enclave.</param>
/// <param name="configuration">How KMS is reached.</param>
/// <param name="recipientOptions">What its recipients are made of.</param>
sealed class SecretService(NsmClient nsm, AmazonKeyManagementServiceConfig configuration, KmsRecipientOptions recipientOptions)
{
    const int MaximumLineLength = 16 * 1024;

    /// <summary>Answers the one request of a connection.</summary>
    public async Task ServeAsync(Stream stream, CancellationToken cancellationToken)
    {
        SecretResponse response;
        try
        {
            response = await ReadLineAsync(stream, cancellationToken) is { } line
                && JsonSerializer.Deserialize(line, MessageContext.Default.SecretRequest) is { } request
                ? new SecretResponse(await AnswerAsync(request, cancellationToken))
                : new SecretResponse(Error: $"a request is one line of at most {MaximumLineLength} bytes");
        }
        catch (JsonException)
        {
            response = new SecretResponse(Error: "a request is a JSON object with ciphertext, challenge and credentials");
        }
        catch (AmazonServiceException exception)
        {
            response = new SecretResponse(Error: $"{exception.ErrorCode}: {exception.Message}");
        }
        catch (Exception exception) when (exception is KmsRecipientException or NsmException or AmazonClientException or HttpRequestException)
        {
            response = new SecretResponse(Error: exception.Message);
        }

        byte[] answer = [.. JsonSerializer.SerializeToUtf8Bytes(response, MessageContext.Default.SecretResponse), (byte)'\n'];
        await stream.WriteAsync(answer, cancellationToken);
    }

    async Task<byte[]> AnswerAsync(SecretRequest request, CancellationToken cancellationToken)
    {
        using var kms = new AmazonKeyManagementServiceClient(Credentials(request), configuration);
        using var recipient = new KmsRecipient(nsm, recipientOptions);
        var decrypted = await kms.DecryptAsync(
            new DecryptRequest { CiphertextBlob = new MemoryStream(request.Ciphertext) }, recipient, cancellationToken);
        var secret = decrypted.Plaintext.ToArray();
        try
        {
            return HMACSHA256.HashData(secret, request.Challenge);
        }
        finally
        {
            CryptographicOperations.ZeroMemory(secret);
            CryptographicOperations.ZeroMemory(decrypted.Plaintext.GetBuffer());
        }
    }

    static AWSCredentials Credentials(SecretRequest request) => request.SessionToken is null
        ? new BasicAWSCredentials(request.AccessKeyId, request.SecretAccessKey)
        : new SessionAWSCredentials(request.AccessKeyId, request.SecretAccessKey, request.SessionToken);

    // The parent is not trusted: it gets no more memory than a request has.
    static async Task<byte[]?> ReadLineAsync(Stream stream, CancellationToken cancellationToken)
    {
        var buffer = new byte[MaximumLineLength];
        for (var length = 0; length < buffer.Length;)
        {
            var read = await stream.ReadAsync(buffer.AsMemory(length), cancellationToken);
            var end = buffer.AsSpan(length, read).IndexOf((byte)'\n');
            if (end >= 0)
            {
                return buffer[..(length + end)];
            }

            if (read == 0)
            {
                return null;
            }

            length += read;
        }

        return null;
    }
}
