using System.Text.Json;

namespace NitroEnclaves.Images;

/// <summary>
/// Takes members out of the JSON files of container images; what is absent or null is empty, what has another type is refused.
/// </summary>
static class ContainerJson
{
    /// <summary>Bytes an index, a manifest or a configuration may have.</summary>
    public const int MaxSize = 4 << 20;

    static readonly JsonDocumentOptions s_options = new() { MaxDepth = 64 };

    public static JsonDocument Parse(byte[] json, string what)
    {
        try
        {
            return JsonDocument.Parse(json, s_options);
        }
        catch (JsonException e)
        {
            throw Malformed($"its {what} is not JSON: {e.Message}", e);
        }
    }

    /// <summary>True where an object has a member of this name.</summary>
    public static bool Has(JsonElement parent, string name) => parent.ValueKind == JsonValueKind.Object
        ? parent.TryGetProperty(name, out _)
        : throw Malformed($"there is a {parent.ValueKind} where an object belongs");

    public static JsonElement Object(JsonElement parent, string name) => Member(parent, name, JsonValueKind.Object);

    public static IEnumerable<JsonElement> Array(JsonElement parent, string name)
    {
        var array = Member(parent, name, JsonValueKind.Array);
        return array.ValueKind == JsonValueKind.Array ? array.EnumerateArray() : [];
    }

    public static string Text(JsonElement parent, string name)
    {
        var text = Member(parent, name, JsonValueKind.String);
        return text.ValueKind == JsonValueKind.String ? Text(text) : "";
    }

    public static List<string> Texts(JsonElement parent, string name) =>
        [.. Array(parent, name).Select(item =>
            item.ValueKind == JsonValueKind.String ? Text(item) : throw Malformed($"'{name}' holds something else than strings"))];

    public static long Number(JsonElement parent, string name) =>
        Member(parent, name, JsonValueKind.Number) is { ValueKind: JsonValueKind.Number } number && number.TryGetInt64(out long value)
            ? value
            : throw Malformed($"'{name}' is not a whole number");

    public static RootFileSystemException Malformed(string what, Exception? innerException = null) =>
        new(RootFileSystemError.MalformedContainerImage, $"The container image is malformed: {what}.", innerException);

    static string Text(JsonElement text)
    {
        try
        {
            return text.GetString()!;
        }
        catch (InvalidOperationException e)
        {
            throw Malformed("a string in it is not valid Unicode", e);
        }
    }

    static JsonElement Member(JsonElement parent, string name, JsonValueKind kind)
    {
        if (parent.ValueKind == JsonValueKind.Undefined)
        {
            return default;
        }

        if (parent.ValueKind != JsonValueKind.Object)
        {
            throw Malformed($"there is a {parent.ValueKind} where an object with '{name}' belongs");
        }

        if (!parent.TryGetProperty(name, out var value) || value.ValueKind == JsonValueKind.Null)
        {
            return default;
        }

        return value.ValueKind == kind ? value : throw Malformed($"'{name}' is a {value.ValueKind}");
    }
}
