using System.Text.Json;

namespace NitroEnclaves.EndToEnd.Tests;

/// <summary>The second reader of images and documents, in Python, which shares no code with ours.</summary>
static class PythonReader
{
    /// <summary>What it says of an image file.</summary>
    public static Task<JsonElement> DescribeImageAsync(string path) => RunAsync("eif", path);

    /// <summary>What it says of an attestation document.</summary>
    public static async Task<JsonElement> DescribeDocumentAsync(byte[] document)
    {
        var file = Path.GetTempFileName();
        try
        {
            await File.WriteAllBytesAsync(file, document, TestContext.Current.CancellationToken);
            return await RunAsync("document", file);
        }
        finally
        {
            File.Delete(file);
        }
    }

    static async Task<JsonElement> RunAsync(string command, string path)
    {
        using var printed = JsonDocument.Parse(await Tool.RunAsync("python3", [Checkout.In("tests", "Python", "eif_and_document.py"), command, path]));
        return printed.RootElement.Clone();
    }
}
