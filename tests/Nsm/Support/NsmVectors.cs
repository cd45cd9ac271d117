using System.Text.Json;
using NitroEnclaves.Tests;

namespace NitroEnclaves.Nsm.Tests;

/// <summary>tests/vectors/nsm/vectors.json: the bytes that AWS's own library sends and expects.</summary>
static class NsmVectors
{
    static readonly JsonElement Root = JsonDocument.Parse(File.ReadAllText(TestVectors.Own("nsm", "vectors.json"))).RootElement;

    public static JsonElement Ioctl => Root.GetProperty("ioctl");

    public static JsonElement Pcr => Root.GetProperty("pcr");

    public static IEnumerable<string> RequestNames => Names("requests_hex");

    public static IEnumerable<string> ResponseNames => Names("responses_hex");

    public static byte[] Request(string name) => Bytes("requests_hex", name);

    public static byte[] Response(string name) => Bytes("responses_hex", name);

    static IEnumerable<string> Names(string group) => Root.GetProperty(group).EnumerateObject().Select(property => property.Name);

    static byte[] Bytes(string group, string name) => Convert.FromHexString(Root.GetProperty(group).GetProperty(name).GetString()!);
}
