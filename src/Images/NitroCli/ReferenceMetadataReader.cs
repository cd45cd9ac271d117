using System.Text.Json;

namespace NitroEnclaves.Images;

/// <summary>Reads metadata as the reference's derived deserializer does: an object, or an array of the values in order.</summary>
static class ReferenceMetadataReader
{
    static readonly string[] s_fields = ["ImageName", "ImageVersion", "BuildMetadata", "DockerInfo", "CustomMetadata"];
    static readonly string[] s_buildFields = ["BuildTime", "BuildTool", "BuildToolVersion", "OperatingSystem", "KernelVersion"];

    /// <summary>Reads a metadata section.</summary>
    /// <exception cref="NitroCliException">The reference fails on it, in these words.</exception>
    public static EifMetadata Read(byte[] json)
    {
        var scanner = new ReferenceJsonScanner(json);
        string?[] build = [];
        object?[] values = ReadStruct(scanner, "EifIdentityInfo", s_fields, field => field switch
        {
            0 or 1 => ReadText(scanner),
            2 => build = [.. ReadStruct(scanner, "EifBuildInfo", s_buildFields, _ => ReadText(scanner)).Cast<string?>()],
            _ => scanner.ReadValue(depth: 1),
        });
        scanner.End();
        return new EifMetadata
        {
            ImageName = (string)values[0]!,
            ImageVersion = (string)values[1]!,
            BuildTime = build[0]!,
            BuildTool = build[1]!,
            BuildToolVersion = build[2]!,
            OperatingSystem = build[3]!,
            KernelVersion = build[4]!,
            DockerInfo = (JsonElement)values[3]!,
            CustomMetadata = (JsonElement)values[4]!,
        };
    }

    static object?[] ReadStruct(ReferenceJsonScanner scanner, string name, string[] fields, Func<int, object> read)
    {
        object?[] values = new object?[fields.Length];
        switch (scanner.PeekToken())
        {
            case '{':
                scanner.Take();
                ReadMembers(scanner, fields, values, read);
                return values;
            case '[':
                scanner.Take();
                ReadElements(scanner, name, values, read);
                return values;
            default:
                throw scanner.InvalidType($"struct {name}");
        }
    }

    static void ReadMembers(ReferenceJsonScanner scanner, string[] fields, object?[] values, Func<int, object> read)
    {
        for (bool first = true; scanner.NextName(first) is { } member; first = false)
        {
            int field = Array.IndexOf(fields, member);
            if (field < 0)
            {
                scanner.Colon();
                scanner.ReadValue(depth: 1);
                continue;
            }

            if (values[field] is not null)
            {
                throw scanner.Error($"duplicate field `{member}`");
            }

            scanner.Colon();
            values[field] = read(field);
        }

        int missing = Array.IndexOf(values, null);
        if (missing >= 0)
        {
            throw scanner.Error($"missing field `{fields[missing]}`");
        }
    }

    static void ReadElements(ReferenceJsonScanner scanner, string name, object?[] values, Func<int, object> read)
    {
        for (int i = 0; i < values.Length; i++)
        {
            values[i] = scanner.NextElement(first: i == 0)
                ? read(i)
                : throw scanner.Error($"invalid length {i}, expected struct {name} with {values.Length} elements");
        }

        scanner.EndArray();
    }

    static string ReadText(ReferenceJsonScanner scanner) =>
        scanner.PeekToken() == '"' ? scanner.ReadString() : throw scanner.InvalidType("a string");
}
