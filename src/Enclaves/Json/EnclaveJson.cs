using System.Text.Encodings.Web;
using System.Text.Json;

namespace NitroEnclaves.Enclaves;

/// <summary>Writes what the commands print: two spaces, nitro-cli's keys in nitro-cli's order, nothing escaped that need not be.</summary>
public static class EnclaveJson
{
    internal static EnclaveJsonContext Context { get; } = new(new JsonSerializerOptions(EnclaveJsonContext.Default.Options)
    {
        // The text goes to terminals and to nitro-cli, which escapes no more than JSON demands.
        Encoder = JavaScriptEncoder.UnsafeRelaxedJsonEscaping,
    });

    /// <summary>The text of <c>run-enclave</c>.</summary>
    public static string Write(EnclaveRunInfo info) => JsonSerializer.Serialize(info, Context.EnclaveRunInfo);

    /// <summary>The text of one enclave of <c>describe-enclaves</c>.</summary>
    public static string Write(EnclaveDescription description) => JsonSerializer.Serialize(description, Context.EnclaveDescription);

    /// <summary>The text of <c>describe-enclaves</c>: an array, empty when nothing runs.</summary>
    public static string Write(IReadOnlyList<EnclaveDescription> descriptions) =>
        JsonSerializer.Serialize(descriptions, Context.IReadOnlyListEnclaveDescription);

    /// <summary>The text of <c>wait-enclave</c>.</summary>
    public static string Write(EnclaveEnd end) => JsonSerializer.Serialize(end, Context.EnclaveEnd);

    /// <summary>The text of <c>terminate-enclave</c> for one enclave.</summary>
    public static string Write(EnclaveTermination termination) => JsonSerializer.Serialize(termination, Context.EnclaveTermination);

    /// <summary>The text of <c>terminate-enclave --all</c>: an array.</summary>
    public static string Write(IReadOnlyList<EnclaveTermination> terminations) =>
        JsonSerializer.Serialize(terminations, Context.IReadOnlyListEnclaveTermination);
}
