using System.Text.Json.Serialization;

namespace KmsSecret;

/// <summary>The one line from the client.</summary>
/// <param name="Ciphertext">What AWS KMS encrypted, base64.</param>
/// <param name="Challenge">What to answer for, base64.</param>
/// <param name="AccessKeyId">The credentials of the parent's role, which the parent has and an enclave has not.</param>
/// <param name="SecretAccessKey">The same.</param>
/// <param name="SessionToken">The same; null for credentials of a user.</param>
sealed record SecretRequest(byte[] Ciphertext, byte[] Challenge, string AccessKeyId, string SecretAccessKey, string? SessionToken = null);

/// <summary>The one line to the client.</summary>
/// <param name="Answer">HMAC-SHA-256 of the challenge under the secret: it proves that the enclave has it, and does not give it away.</param>
/// <param name="Error">Why there is no answer.</param>
sealed record SecretResponse(byte[]? Answer = null, string? Error = null);

// Trimming removes what reflection would need: the serializer's code is generated.
[JsonSourceGenerationOptions(
    PropertyNamingPolicy = JsonKnownNamingPolicy.CamelCase,
    DefaultIgnoreCondition = JsonIgnoreCondition.WhenWritingNull,
    UnmappedMemberHandling = JsonUnmappedMemberHandling.Disallow,
    AllowDuplicateProperties = false,
    RespectNullableAnnotations = true,
    RespectRequiredConstructorParameters = true)]
[JsonSerializable(typeof(SecretRequest))]
[JsonSerializable(typeof(SecretResponse))]
sealed partial class MessageContext : JsonSerializerContext;
