using System.Buffers;
using System.Text;
using System.Text.Json;

namespace NitroEnclaves.Images;

/// <summary>
/// Writes JSON values as the reference tools do: members sorted by the UTF-8 bytes of their names, of duplicates the last one,
/// text unescaped but for quote, backslash and control characters, integers of 64 bits exact, other numbers as shortest doubles.
/// </summary>
static class OrderedJson
{
    /// <summary>Writes a value, compact or with two spaces a level; null is written as JSON null.</summary>
    /// <param name="output">Gets UTF-8.</param>
    /// <param name="value">What to write; its depth is limited by the parser it came from.</param>
    /// <param name="indent">The level of the value's first line, or -1 for compact.</param>
    /// <exception cref="FormatException">A number is beyond the range of a double.</exception>
    /// <exception cref="InvalidOperationException">A string holds half of a surrogate pair.</exception>
    public static void Write(IBufferWriter<byte> output, JsonElement? value, int indent = -1)
    {
        // Containers in progress; the depth of documents from outside must not become the depth of our stack.
        var open = new Stack<(IEnumerator<(string? Name, JsonElement Value)> Members, byte Close)>();
        var current = value ?? default;
        while (true)
        {
            var members = Begin(output, current);
            if (members is not null)
            {
                open.Push((members, current.ValueKind == JsonValueKind.Object ? (byte)'}' : (byte)']'));
                if (!members.MoveNext())
                {
                    output.Write([open.Pop().Close]);
                }
                else
                {
                    current = Next(output, members, first: true, indent, open.Count);
                    continue;
                }
            }

            while (open.TryPeek(out var container) && !container.Members.MoveNext())
            {
                open.Pop();
                NewLine(output, indent, open.Count);
                output.Write([container.Close]);
            }

            if (open.Count == 0)
            {
                return;
            }

            current = Next(output, open.Peek().Members, first: false, indent, open.Count);
        }
    }

    /// <summary>A value as compact text.</summary>
    public static string ToText(JsonElement? value)
    {
        var output = new ArrayBufferWriter<byte>();
        Write(output, value);
        return Encoding.UTF8.GetString(output.WrittenSpan);
    }

    /// <summary>Writes a string with its quotes.</summary>
    public static void WriteString(IBufferWriter<byte> output, string text)
    {
        output.Write("\""u8);
        Span<byte> utf8 = stackalloc byte[4];
        foreach (var rune in text.EnumerateRunes())
        {
            switch (rune.Value)
            {
                case '"':
                    output.Write("\\\""u8);
                    break;
                case '\\':
                    output.Write("\\\\"u8);
                    break;
                case '\b':
                    output.Write("\\b"u8);
                    break;
                case '\f':
                    output.Write("\\f"u8);
                    break;
                case '\n':
                    output.Write("\\n"u8);
                    break;
                case '\r':
                    output.Write("\\r"u8);
                    break;
                case '\t':
                    output.Write("\\t"u8);
                    break;
                case < ' ':
                    output.Write(Encoding.ASCII.GetBytes($"\\u{rune.Value:x4}"));
                    break;
                default:
                    output.Write(utf8[..rune.EncodeToUtf8(utf8)]);
                    break;
            }
        }

        output.Write("\""u8);
    }

    /// <summary>Breaks the line and indents by two spaces a level; nothing when compact (-1).</summary>
    public static void NewLine(IBufferWriter<byte> output, int indent, int level)
    {
        if (indent >= 0)
        {
            output.Write("\n"u8);
            for (int i = 0; i < indent + level; i++)
            {
                output.Write("  "u8);
            }
        }
    }

    static IEnumerator<(string? Name, JsonElement Value)>? Begin(IBufferWriter<byte> output, JsonElement value)
    {
        switch (value.ValueKind)
        {
            case JsonValueKind.Object:
                output.Write("{"u8);
                return Members(value).GetEnumerator();
            case JsonValueKind.Array:
                output.Write("["u8);
                return value.EnumerateArray().Select(item => ((string?)null, item)).GetEnumerator();
            case JsonValueKind.String:
                WriteString(output, value.GetString()!);
                return null;
            case JsonValueKind.Number:
                output.Write(Encoding.ASCII.GetBytes(ReferenceNumber.Normalize(value.GetRawText())));
                return null;
            case JsonValueKind.True:
                output.Write("true"u8);
                return null;
            case JsonValueKind.False:
                output.Write("false"u8);
                return null;
            default:
                output.Write("null"u8);
                return null;
        }
    }

    static JsonElement Next(IBufferWriter<byte> output, IEnumerator<(string? Name, JsonElement Value)> members, bool first, int indent,
        int level)
    {
        if (!first)
        {
            output.Write(","u8);
        }

        NewLine(output, indent, level);
        if (members.Current.Name is { } name)
        {
            WriteString(output, name);
            output.Write(indent < 0 ? ":"u8 : ": "u8);
        }

        return members.Current.Value;
    }

    /// <summary>The members of an object in their order of writing.</summary>
    public static IEnumerable<(string? Name, JsonElement Value)> Members(JsonElement value)
    {
        var members = new SortedDictionary<string, JsonElement>(Utf8Order.Instance);
        foreach (var member in value.EnumerateObject())
        {
            members[member.Name] = member.Value;
        }

        return members.Select(member => ((string?)member.Key, member.Value));
    }
}
