using System.Reflection;

namespace NitroEnclaves.Fuzz;

/// <summary>Files of <c>tests/vectors</c> that are built into the program.</summary>
static class Corpus
{
    /// <summary>The contents of the files of a folder that end in <paramref name="extension"/>, ordered by name.</summary>
    public static IReadOnlyList<byte[]> Files(string folder, string extension) =>
    [
        .. Assembly.GetExecutingAssembly().GetManifestResourceNames()
            .Where(name => name.StartsWith(folder + "/", StringComparison.Ordinal) && name.EndsWith(extension, StringComparison.Ordinal))
            .Order(StringComparer.Ordinal)
            .Select(Read),
    ];

    static byte[] Read(string name)
    {
        using var stream = Assembly.GetExecutingAssembly().GetManifestResourceStream(name)!;
        var content = new byte[stream.Length];
        stream.ReadExactly(content);
        return content;
    }
}
