using System.Text.Json;

namespace NitroEnclaves.Kms.Emulator;

/// <summary>
/// Texts of JSON that came from outside. An escape may name half of a surrogate pair, which no text has and which the readers of .NET
/// report as a mistake of their caller: of names at once, where repeated ones are refused, of values when they are asked for.
/// </summary>
static class JsonText
{
    /// <summary>Reads a document whose members' names are all texts.</summary>
    /// <exception cref="JsonException">It is no JSON, repeats a name where options forbid it, or a name is no text.</exception>
    internal static JsonDocument Parse(string json, JsonDocumentOptions options)
    {
        try
        {
            return JsonDocument.Parse(json, options);
        }
        catch (InvalidOperationException exception)
        {
            throw new JsonException("A member's name is no text.", exception);
        }
    }

    /// <inheritdoc cref="Parse"/>
    internal static async Task<JsonDocument> ParseAsync(Stream json, JsonDocumentOptions options, CancellationToken cancellationToken)
    {
        try
        {
            return await JsonDocument.ParseAsync(json, options, cancellationToken).ConfigureAwait(false);
        }
        catch (InvalidOperationException exception)
        {
            throw new JsonException("A member's name is no text.", exception);
        }
    }

    /// <summary>A string's text; null where it is not a string or names what is no text.</summary>
    internal static string? Of(JsonElement element)
    {
        try
        {
            return element.ValueKind == JsonValueKind.String ? element.GetString() : null;
        }
        catch (InvalidOperationException)
        {
            return null;
        }
    }
}
