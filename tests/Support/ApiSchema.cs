using System.Text.Json;

namespace NitroEnclaves.Tests;

/// <summary>Holds JSON against the schemas of an OpenAPI document: the keywords that ours uses, and no others.</summary>
/// <param name="document">The document.</param>
sealed class ApiSchema(JsonElement document)
{
    /// <summary>What a JSON value breaks of the schema of an operation's answer; empty where it holds.</summary>
    /// <param name="method">GET, POST, DELETE.</param>
    /// <param name="path">The path as the document has it.</param>
    /// <param name="status">The status, or <c>default</c>.</param>
    /// <param name="value">The answer.</param>
    public IReadOnlyList<string> Faults(string method, string path, string status, JsonElement value)
    {
        var response = Resolve(document.GetProperty("paths").GetProperty(path).GetProperty(method.ToLowerInvariant()).GetProperty("responses").GetProperty(status));
        var content = response.GetProperty("content").EnumerateObject().Single();
        return [.. Faults("", content.Value.GetProperty("schema"), value)];
    }

    /// <summary>The same for a schema by its name.</summary>
    public IReadOnlyList<string> Faults(string schema, JsonElement value) =>
        [.. Faults("", document.GetProperty("components").GetProperty("schemas").GetProperty(schema), value)];

    IEnumerable<string> Faults(string place, JsonElement schema, JsonElement value)
    {
        schema = Resolve(schema);
        if (schema.TryGetProperty("enum", out var values) && !values.EnumerateArray().Any(one => one.GetString() == value.GetString()))
        {
            yield return $"{place}: {value} is none of {values}";
        }

        var type = schema.TryGetProperty("type", out var named) ? named.GetString() : null;
        if (type is not null && type != TypeOf(value) && !(type == "number" && TypeOf(value) == "integer"))
        {
            yield return $"{place}: {value} is no {type}";
            yield break;
        }

        var faults = type switch { "array" => OfItems(place, schema, value), "object" => OfMembers(place, schema, value), _ => [] };
        foreach (var fault in faults)
        {
            yield return fault;
        }
    }

    IEnumerable<string> OfItems(string place, JsonElement schema, JsonElement value) =>
        value.EnumerateArray().SelectMany((item, index) => Faults($"{place}[{index}]", schema.GetProperty("items"), item));

    IEnumerable<string> OfMembers(string place, JsonElement schema, JsonElement value)
    {
        var known = schema.TryGetProperty("properties", out var properties) ? properties.EnumerateObject().ToDictionary(one => one.Name, one => one.Value) : [];
        foreach (var member in value.EnumerateObject())
        {
            var faults = known.TryGetValue(member.Name, out var one) ? Faults($"{place}.{member.Name}", one, member.Value)
                : !schema.TryGetProperty("additionalProperties", out var others) || others.ValueKind == JsonValueKind.True ? []
                : others.ValueKind == JsonValueKind.Object ? Faults($"{place}.{member.Name}", others, member.Value)
                : [$"{place}.{member.Name} is not described"];
            foreach (var fault in faults)
            {
                yield return fault;
            }
        }

        foreach (var required in schema.TryGetProperty("required", out var all) ? all.EnumerateArray().Select(name => name.GetString()!) : [])
        {
            if (!value.TryGetProperty(required, out _))
            {
                yield return $"{place}.{required} is missing";
            }
        }
    }

    JsonElement Resolve(JsonElement element)
    {
        while (element.TryGetProperty("$ref", out var reference))
        {
            element = reference.GetString()!.Split('/').Skip(1).Aggregate(document, static (at, name) => at.GetProperty(name));
        }

        return element;
    }

    static string TypeOf(JsonElement value) => value.ValueKind switch
    {
        JsonValueKind.Array => "array",
        JsonValueKind.Object => "object",
        JsonValueKind.String => "string",
        JsonValueKind.True or JsonValueKind.False => "boolean",
        JsonValueKind.Number => value.TryGetInt64(out _) ? "integer" : "number",
        _ => "null",
    };
}
