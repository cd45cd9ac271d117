using System.Text.Encodings.Web;
using System.Text.Json;
using System.Text.Json.Serialization;
using NitroEnclaves.Images;

namespace NitroEnclaves.Cli.Inspecting;

/// <summary>Differences and findings for programs: an array of objects, each line ended.</summary>
static class InspectionJson
{
    static readonly InspectionJsonContext s_context = new(new JsonSerializerOptions
    {
        WriteIndented = true,
        NewLine = "\n",
        Encoder = JavaScriptEncoder.UnsafeRelaxedJsonEscaping,
    });

    /// <summary>Differences as <c>{"Part","Subject","Left","Right","Registers"}</c>.</summary>
    public static string Write(IReadOnlyList<EifDifference> differences) =>
        JsonSerializer.Serialize(differences, s_context.IReadOnlyListEifDifference) + "\n";

    /// <summary>Findings as <c>{"Severity","Subject","Message"}</c>.</summary>
    public static string Write(IReadOnlyList<EifFinding> findings) =>
        JsonSerializer.Serialize(findings, s_context.IReadOnlyListEifFinding) + "\n";
}

/// <summary>Serialisation without reflection, for the trimmed command.</summary>
[JsonSourceGenerationOptions(UseStringEnumConverter = true)]
[JsonSerializable(typeof(IReadOnlyList<EifDifference>))]
[JsonSerializable(typeof(IReadOnlyList<EifFinding>))]
sealed partial class InspectionJsonContext : JsonSerializerContext;
