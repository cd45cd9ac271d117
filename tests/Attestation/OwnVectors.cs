using System.Text.Json;
using NitroEnclaves.Tests;

namespace NitroEnclaves.Attestation.Tests;

/// <summary>
/// Documents of our own making under <c>tests/vectors/attestation</c>, with what they state in <c>documents.json</c>:
/// a form that has been written once has to be read for ever.
/// </summary>
static class OwnVectors
{
    public static string Folder { get; } = TestVectors.Own("attestation");

    public static AttestationRoot Root { get; } = AttestationRoot.FromCertificate(File.ReadAllBytes(Path.Combine(Folder, "root.pem")));

    public static IReadOnlyList<(string Name, byte[] Document, JsonElement Expected)> All { get; } =
    [
        .. JsonDocument.Parse(File.ReadAllText(Path.Combine(Folder, "documents.json"))).RootElement.EnumerateArray().Select(entry =>
        (
            entry.GetProperty("file").GetString()!,
            File.ReadAllBytes(Path.Combine(Folder, entry.GetProperty("file").GetString()!)),
            entry)),
    ];
}
