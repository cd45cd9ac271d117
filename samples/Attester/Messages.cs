using System.Text.Json.Serialization;

namespace Attester;

/// <summary>One line from the client.</summary>
/// <param name="Name">Whom to greet; up to 100 characters.</param>
/// <param name="Nonce">Any bytes in hexadecimal, up to 512 of them, that the client chose for this request; null asks for no document.</param>
sealed record GreetingRequest(string? Name, string? Nonce);

/// <summary>One line to the client: a greeting, with its document if one was asked for, or an error alone.</summary>
/// <param name="Greeting">The greeting.</param>
/// <param name="Document">
/// The attestation document in base64. Its <c>nonce</c> is the request's, and its <c>user_data</c> is the SHA-384 of the greeting in
/// UTF-8: whoever verifies it knows which image said these words, and that it said them now.
/// </param>
/// <param name="Error">What is wrong with the request.</param>
sealed record GreetingResponse(string? Greeting = null, string? Document = null, string? Error = null);

// Trimming removes what reflection would need: the serializer's code is generated.
[JsonSourceGenerationOptions(
    PropertyNamingPolicy = JsonKnownNamingPolicy.CamelCase,
    DefaultIgnoreCondition = JsonIgnoreCondition.WhenWritingNull,
    UnmappedMemberHandling = JsonUnmappedMemberHandling.Disallow,
    AllowDuplicateProperties = false)]
[JsonSerializable(typeof(GreetingRequest))]
[JsonSerializable(typeof(GreetingResponse))]
sealed partial class MessageContext : JsonSerializerContext;
