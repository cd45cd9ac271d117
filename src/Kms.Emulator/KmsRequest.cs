using System.Text.Json;

namespace NitroEnclaves.Kms.Emulator;

/// <summary>One request: the operation, who makes it, and the members of its JSON object, which are read by the types of KMS's API.</summary>
sealed class KmsRequest(string operation, string caller, JsonElement body)
{
    /// <summary>The operation's name without the service's: <c>Decrypt</c>.</summary>
    internal string Operation { get; } = operation;

    /// <summary>The ARN of the principal that makes the request.</summary>
    internal string Caller { get; } = caller;

    /// <summary>A text member; null where it is absent or null.</summary>
    internal string? GetText(string name) => Find(name) is not { } value ? null
        : JsonText.Of(value) ?? throw Wrong(name, "a string");

    /// <summary>A text member that has to be there.</summary>
    internal string RequireText(string name) => GetText(name) ?? throw Missing(name);

    /// <summary>A whole number; null where it is absent or null.</summary>
    internal int? GetNumber(string name) => Find(name) is not { } value ? null
        : value.ValueKind == JsonValueKind.Number && value.TryGetInt32(out var number) ? number
        : throw Wrong(name, "an integer");

    /// <summary>A binary member, base64 on the wire, that has to be there.</summary>
    internal byte[] RequireBytes(string name, int maximum) => GetBytes(name, maximum) ?? throw Missing(name);

    /// <summary>A map of texts; empty where it is absent or null.</summary>
    internal SortedDictionary<string, string> GetMap(string name)
    {
        // Ordered by code unit: the same context gives the same bytes, whichever way it was written.
        var map = new SortedDictionary<string, string>(StringComparer.Ordinal);
        if (Find(name) is not { } value)
        {
            return map;
        }

        if (value.ValueKind != JsonValueKind.Object)
        {
            throw Wrong(name, "a map");
        }

        foreach (var entry in value.EnumerateObject())
        {
            map.Add(entry.Name, JsonText.Of(entry.Value) ?? throw Wrong(name, "a map of strings"));
        }

        return map;
    }

    /// <summary>A member that is an object itself; null where it is absent or null.</summary>
    internal KmsRequest? GetObject(string name) => Find(name) is not { } value ? null
        : value.ValueKind == JsonValueKind.Object ? new KmsRequest(Operation, Caller, value)
        : throw Wrong(name, "a structure");

    byte[]? GetBytes(string name, int maximum)
    {
        if (Find(name) is not { } value)
        {
            return null;
        }

        if (value.ValueKind != JsonValueKind.String || !value.TryGetBytesFromBase64(out var bytes))
        {
            throw Wrong(name, "base64");
        }

        return bytes.Length >= 1 && bytes.Length <= maximum
            ? bytes
            : throw KmsErrorException.Validation($"{name} has {bytes.Length} bytes; 1 to {maximum} are accepted.");
    }

    JsonElement? Find(string name) => body.TryGetProperty(name, out var value) && value.ValueKind != JsonValueKind.Null ? value : null;

    static KmsErrorException Missing(string name) => KmsErrorException.Validation($"{name} is missing.");

    static KmsErrorException Wrong(string name, string expected) => new("SerializationException", $"{name} is not {expected}.");
}
