using System.Text;

namespace NitroEnclaves.Nsm.Tests;

/// <summary>CBOR put together by hand, as hexadecimal digits: independent of the product's writer.</summary>
static class Hex
{
    /// <summary>A text string of up to 23 bytes.</summary>
    public static string Text(string text)
    {
        Assert.True(text.Length < 24);
        return (0x60 + text.Length).ToString("x2") + Convert.ToHexStringLower(Encoding.ASCII.GetBytes(text));
    }

    /// <summary>A map of one entry: the shape of most requests and responses.</summary>
    public static string Map(string key, string value) => "a1" + Text(key) + value;

    /// <summary>The response that refuses a request.</summary>
    public static string Error(string name) => Map("Error", Text(name));

    /// <summary>A byte string with a two-byte length.</summary>
    public static string Bytes(int count, byte value = 0x80) =>
        "59" + count.ToString("x4") + Convert.ToHexStringLower([.. Enumerable.Repeat(value, count)]);
}
