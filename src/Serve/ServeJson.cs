using System.Text.Json.Serialization;

namespace NitroEnclaves.Serve;

/// <summary>The JSON of this server; unknown and repeated members are refused.</summary>
[JsonSourceGenerationOptions(
    PropertyNamingPolicy = JsonKnownNamingPolicy.CamelCase,
    DefaultIgnoreCondition = JsonIgnoreCondition.WhenWritingNull,
    UnmappedMemberHandling = JsonUnmappedMemberHandling.Disallow,
    RespectRequiredConstructorParameters = true,
    RespectNullableAnnotations = true,
    AllowDuplicateProperties = false)]
[JsonSerializable(typeof(RunRequest))]
[JsonSerializable(typeof(Problem))]
[JsonSerializable(typeof(EnclaveEvent))]
sealed partial class ServeJson : JsonSerializerContext;
