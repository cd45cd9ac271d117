using System.Text.Json;
using NitroEnclaves.Nsm;

namespace NitroEnclaves.Images.Tests;

/// <summary>The golden images made by the reference tools (<c>tests/vectors/eif</c>).</summary>
static class Vectors
{
    static readonly JsonDocument s_manifest = JsonDocument.Parse(File.ReadAllBytes(TestVectors.Own("eif", "manifest.json")));
    static readonly JsonDocument s_registers = JsonDocument.Parse(File.ReadAllBytes(TestVectors.Own("eif", "pcrs.json")));

    public static string Image(string name) => TestVectors.Own("eif", "eif", name + ".eif");

    public static byte[] ReadImage(string name) => File.ReadAllBytes(Image(name));

    public static JsonElement Registers(string name) => s_registers.RootElement.GetProperty(name);

    public static PcrValue Register(string name, string register) => PcrValue.Parse(Registers(name).GetProperty(register).GetString());

    /// <summary>The arguments of the eif_build call that made an image, as option and value pairs in order.</summary>
    public static List<(string Option, string Value)> BuildArguments(string name)
    {
        var entry = s_manifest.RootElement.EnumerateArray().Single(entry => entry.GetProperty("name").GetString() == name);
        string[] arguments = [.. entry.GetProperty("args").EnumerateArray().Skip(1).Select(argument => argument.GetString()!)];
        return [.. arguments.Chunk(2).Select(pair => (pair[0], pair[1]))];
    }

    /// <summary>The names of the images that eif_build made without signing them.</summary>
    public static IEnumerable<string> UnsignedBuilds => s_manifest.RootElement.EnumerateArray()
        .Where(entry => entry.GetProperty("op").GetString() == "build" && entry.GetProperty("rc").GetInt32() == 0)
        .Select(entry => entry.GetProperty("name").GetString()!)
        .Where(name => !Registers(name).TryGetProperty("PCR8", out _));
}
