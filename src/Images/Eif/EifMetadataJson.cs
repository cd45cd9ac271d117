using System.Buffers;
using System.Text;
using System.Text.Json;
using System.Text.Unicode;

namespace NitroEnclaves.Images;

/// <summary>
/// The metadata's wire form:
/// <c>{"ImageName","ImageVersion","BuildMetadata":{"BuildTime","BuildTool","BuildToolVersion","OperatingSystem","KernelVersion"},
/// "DockerInfo","CustomMetadata"}</c>, all required, further members ignored.
/// </summary>
static class EifMetadataJson
{
    static readonly JsonDocumentOptions s_options = new() { MaxDepth = 128, AllowDuplicateProperties = false };

    /// <summary>Reads the section's data, which begins at this file offset.</summary>
    public static EifMetadata Read(ReadOnlyMemory<byte> json, long offset)
    {
        if (!Utf8.IsValid(json.Span))
        {
            throw new EifException(EifError.InvalidMetadata, offset, "The metadata is not UTF-8.");
        }

        try
        {
            using var document = JsonDocument.Parse(json, s_options);
            var root = document.RootElement;
            var build = Member(root, "BuildMetadata", offset);
            return new EifMetadata
            {
                ImageName = Text(root, "ImageName", offset),
                ImageVersion = Text(root, "ImageVersion", offset),
                BuildTime = Text(build, "BuildTime", offset),
                BuildTool = Text(build, "BuildTool", offset),
                BuildToolVersion = Text(build, "BuildToolVersion", offset),
                OperatingSystem = Text(build, "OperatingSystem", offset),
                KernelVersion = Text(build, "KernelVersion", offset),
                DockerInfo = Any(root, "DockerInfo", offset),
                CustomMetadata = Any(root, "CustomMetadata", offset),
            };
        }
        catch (JsonException e)
        {
            throw new EifException(EifError.InvalidMetadata, offset + Position(json.Span, e), $"The metadata is not JSON: {e.Message}", e);
        }
        catch (Exception e) when (e is InvalidOperationException or FormatException)
        {
            throw new EifException(EifError.InvalidMetadata, offset, $"The metadata holds text or a number that has no value: {e.Message}",
                e);
        }
    }

    /// <summary>Writes the section's data.</summary>
    public static byte[] Write(EifMetadata metadata)
    {
        var output = new ArrayBufferWriter<byte>(512);
        output.Write("{\"ImageName\":"u8);
        OrderedJson.WriteString(output, metadata.ImageName);
        output.Write(",\"ImageVersion\":"u8);
        OrderedJson.WriteString(output, metadata.ImageVersion);
        output.Write(",\"BuildMetadata\":{\"BuildTime\":"u8);
        OrderedJson.WriteString(output, metadata.BuildTime);
        output.Write(",\"BuildTool\":"u8);
        OrderedJson.WriteString(output, metadata.BuildTool);
        output.Write(",\"BuildToolVersion\":"u8);
        OrderedJson.WriteString(output, metadata.BuildToolVersion);
        output.Write(",\"OperatingSystem\":"u8);
        OrderedJson.WriteString(output, metadata.OperatingSystem);
        output.Write(",\"KernelVersion\":"u8);
        OrderedJson.WriteString(output, metadata.KernelVersion);
        output.Write("},\"DockerInfo\":"u8);
        OrderedJson.Write(output, metadata.DockerInfo);
        output.Write(",\"CustomMetadata\":"u8);
        OrderedJson.Write(output, metadata.CustomMetadata);
        output.Write("}"u8);
        return output.WrittenSpan.ToArray();
    }

    static JsonElement Member(JsonElement parent, string name, long offset)
    {
        if (parent.ValueKind != JsonValueKind.Object)
        {
            throw new EifException(EifError.InvalidMetadata, offset,
                $"The metadata has a {parent.ValueKind} where an object with '{name}' belongs.");
        }

        return parent.TryGetProperty(name, out var value)
            ? value
            : throw new EifException(EifError.InvalidMetadata, offset, $"The metadata lacks '{name}'.");
    }

    static string Text(JsonElement parent, string name, long offset)
    {
        var value = Member(parent, name, offset);
        return value.ValueKind == JsonValueKind.String
            ? value.GetString()!
            : throw new EifException(EifError.InvalidMetadata, offset, $"The metadata's '{name}' is not a string.");
    }

    static JsonElement? Any(JsonElement parent, string name, long offset)
    {
        var value = Member(parent, name, offset);
        if (value.ValueKind == JsonValueKind.Null)
        {
            return null;
        }

        // Lone surrogates and numbers out of range surface here, not when somebody prints the value later.
        OrderedJson.Write(new ArrayBufferWriter<byte>(), value);
        return value.Clone();
    }

    static long Position(ReadOnlySpan<byte> json, JsonException e)
    {
        long position = 0;
        for (long line = e.LineNumber ?? 0; line > 0; line--)
        {
            int newLine = json[(int)position..].IndexOf((byte)'\n');
            if (newLine < 0)
            {
                return position;
            }

            position += newLine + 1;
        }

        return position + (e.BytePositionInLine ?? 0);
    }
}
