using System.Buffers;
using System.Text.Json;
using NitroEnclaves.Images;

namespace NitroEnclaves.Enclaves;

/// <summary>
/// The <c>Metadata</c> of <c>describe-enclaves --metadata</c>: build information and Docker's, then the custom members at the same level
/// (eif-and-nitro-cli 3.2). Custom metadata that is no object has no place there and is left out.
/// </summary>
static class EnclaveMetadataJson
{
    public static JsonElement Flatten(EifMetadata metadata)
    {
        var output = new ArrayBufferWriter<byte>();
        using (var writer = new Utf8JsonWriter(output, new JsonWriterOptions { SkipValidation = true }))
        {
            writer.WriteStartObject();
            writer.WriteString("BuildTime", metadata.BuildTime);
            writer.WriteString("BuildTool", metadata.BuildTool);
            writer.WriteString("BuildToolVersion", metadata.BuildToolVersion);
            writer.WriteString("OperatingSystem", metadata.OperatingSystem);
            writer.WriteString("KernelVersion", metadata.KernelVersion);
            writer.WritePropertyName("DockerInfo");
            if (metadata.DockerInfo is { } docker)
            {
                docker.WriteTo(writer);
            }
            else
            {
                writer.WriteNullValue();
            }

            if (metadata.CustomMetadata is { ValueKind: JsonValueKind.Object } custom)
            {
                foreach (var member in custom.EnumerateObject())
                {
                    member.WriteTo(writer);
                }
            }

            writer.WriteEndObject();
        }

        using var document = JsonDocument.Parse(output.WrittenMemory);
        return document.RootElement.Clone();
    }
}
