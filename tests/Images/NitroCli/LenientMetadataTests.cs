using System.Text;
using System.Text.Json;

namespace NitroEnclaves.Images.Tests;

/// <summary>Metadata that the reference does not take, in the words of its JSON library.</summary>
public sealed class LenientMetadataTests
{
    const string Build = """{"BuildTime":"t","BuildTool":"b","BuildToolVersion":"v","OperatingSystem":"o","KernelVersion":"k"}""";

    [Theory]
    [InlineData("", "EOF while parsing a value", 1, 0)]
    [InlineData("{", "EOF while parsing an object", 1, 1)]
    [InlineData("{}", "missing field `ImageName`", 1, 2)]
    [InlineData("{}x", "missing field `ImageName`", 1, 2)]
    [InlineData("5", "invalid type: integer `5`, expected struct EifIdentityInfo", 1, 1)]
    [InlineData("null", "invalid type: null, expected struct EifIdentityInfo", 1, 4)]
    [InlineData("""{"ImageName":1""", "invalid type: integer `1`, expected a string", 1, 14)]
    [InlineData("""{"ImageName":"a" "b":1}""", "expected `,` or `}`", 1, 18)]
    [InlineData("""{"ImageName":"a",}""", "trailing comma", 1, 18)]
    [InlineData("""{"ImageName" 1}""", "expected `:`", 1, 14)]
    [InlineData("""{"ImageName":"a","ImageName":"b"}""", "duplicate field `ImageName`", 1, 28)]
    [InlineData("{\n \"ImageName\":\"a\n\"}", "control character (\\u0000-\\u001F) found while parsing a string", 3, 0)]
    [InlineData("""{"DockerInfo":[1,]}""", "trailing comma", 1, 18)]
    [InlineData("""{"DockerInfo":tru}""", "expected ident", 1, 18)]
    [InlineData("""{"DockerInfo":01}""", "invalid number", 1, 16)]
    [InlineData("""{"DockerInfo":1e999}""", "number out of range", 1, 19)]
    [InlineData("[1]", "invalid type: integer `1`, expected a string", 1, 2)]
    public void Words_and_places(string json, string text, int line, int column)
    {
        var error = Assert.Throws<NitroCliException>(() => ReferenceMetadataReader.Read(Encoding.UTF8.GetBytes(json)));

        string inner = $"Error deserializing metadata: Error({RustText.Debug(text)}, line: {line}, column: {column})";
        Assert.Equal($"Failed to initialize EIF reader: {RustText.Debug(inner)}", error.Message);
    }

    [Fact]
    public void Arrays_of_the_values_are_taken()
    {
        var metadata = ReferenceMetadataReader.Read(Encoding.UTF8.GetBytes($"""["a","1",{Build},null,[1]]"""));

        Assert.Equal("a", metadata.ImageName);
        Assert.Equal("k", metadata.KernelVersion);
        Assert.Equal(JsonValueKind.Array, metadata.CustomMetadata!.Value.ValueKind);
    }

    [Fact]
    public void Whatever_is_taken_is_json_and_nothing_else_is_thrown()
    {
        byte[] good = Encoding.UTF8.GetBytes($$"""{"ImageName":"a\u00e9\ud83d\ude00","ImageVersion":"1","BuildMetadata":{{Build}},"DockerInfo":{"x":[1,2.5e3,true,null,{}]},"CustomMetadata":{"k":"v"},"more":[[]]}""");
        byte[] alphabet = Encoding.ASCII.GetBytes("{}[]\",:\\u0d8f1e+-. tn\n\u007f");
        var random = new Random(9);
        int taken = 0;
        for (int i = 0; i < 10_000; i++)
        {
            byte[] json = [.. good];
            for (int n = random.Next(3); n >= 0; n--)
            {
                json[random.Next(json.Length)] = random.Next(4) == 0 ? (byte)random.Next(256) : alphabet[random.Next(alphabet.Length)];
            }

            json = random.Next(4) == 0 ? json[..random.Next(json.Length)] : json;
            try
            {
                ReferenceMetadataReader.Read(json);
                JsonDocument.Parse(json).Dispose();
                taken++;
            }
            catch (NitroCliException)
            {
            }
        }

        Assert.InRange(taken, 100, 29_000);
    }

    [Fact]
    public void Depth_is_limited()
    {
        string json = $$"""{"DockerInfo":{{new string('[', 1 << 20)}}""";

        Assert.Contains("recursion limit exceeded", Assert.Throws<NitroCliException>(() =>
            ReferenceMetadataReader.Read(Encoding.ASCII.GetBytes(json))).Message, StringComparison.Ordinal);
    }
}
