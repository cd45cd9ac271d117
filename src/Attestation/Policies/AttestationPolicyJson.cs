using System.Text.Json.Serialization;

namespace NitroEnclaves.Attestation;

/// <summary>A policy as it stands in a file.</summary>
sealed class AttestationPolicyJson
{
    public List<ImageMeasurementsJson>? Images { get; init; }

    public Dictionary<string, string>? Pcrs { get; init; }

    public bool? AnyImage { get; init; }

    public decimal? MaximumAgeSeconds { get; init; }

    public decimal? ClockSkewSeconds { get; init; }

    public bool? AllowDebugMode { get; init; }
}

/// <summary>An image as it stands in a policy's file.</summary>
sealed class ImageMeasurementsJson
{
    public required string Pcr0 { get; init; }

    public required string Pcr1 { get; init; }

    public required string Pcr2 { get; init; }
}

[JsonSerializable(typeof(AttestationPolicyJson))]
[JsonSourceGenerationOptions(
    PropertyNamingPolicy = JsonKnownNamingPolicy.CamelCase,
    UnmappedMemberHandling = JsonUnmappedMemberHandling.Disallow,
    AllowDuplicateProperties = false,
    DefaultIgnoreCondition = JsonIgnoreCondition.WhenWritingNull,
    RespectNullableAnnotations = true,
    MaxDepth = 8,
    WriteIndented = true)]
sealed partial class AttestationPolicyJsonContext : JsonSerializerContext;
