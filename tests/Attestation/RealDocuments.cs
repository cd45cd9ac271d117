using System.Text.Json;
using NitroEnclaves.Tests;

namespace NitroEnclaves.Attestation.Tests;

/// <summary>Documents signed by AWS, with what independent code read in them; they stand beside a checkout only.</summary>
sealed class RealDocuments
{
    RealDocuments(string path)
    {
        Name = Path.GetFileNameWithoutExtension(path);
        Bytes = File.ReadAllBytes(path);
        Expected = JsonDocument.Parse(File.ReadAllText(Path.ChangeExtension(path, ".json"))).RootElement.GetProperty("expected");
    }

    public string Name { get; }

    public byte[] Bytes { get; }

    public JsonElement Expected { get; }

    // Read when a test asks, not by the type's initializer: that would make a failure of the skip where they are absent.
    public static IReadOnlyList<RealDocuments> All => field ??= Load("real");

    public static RealDocuments Bad(string name) => Load("bad").Single(document => document.Name == name);

    static List<RealDocuments> Load(string folder) =>
        [.. Directory.GetFiles(TestVectors.Beside("attestation", folder), "*.bin").Order(StringComparer.Ordinal).Select(path => new RealDocuments(path))];
}
