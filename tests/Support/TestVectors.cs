namespace NitroEnclaves.Tests;

/// <summary>Finds golden data: the project's own under <c>tests/vectors</c>, and the vectors that only stand beside a checkout.</summary>
static class TestVectors
{
    /// <summary>The folder of the solution file, found upwards from the test program.</summary>
    public static string Root { get; } = FindRoot();

    /// <summary>A file or folder under <c>tests/vectors</c>.</summary>
    public static string Own(params string[] parts) => Path.Combine([Root, "tests", "vectors", .. parts]);

    /// <summary>
    /// A file or folder of the vectors beside the checkout (<c>../shared/vectors</c>), which may not be redistributed;
    /// the calling test is skipped with that reason where they are absent.
    /// </summary>
    public static string Beside(params string[] parts)
    {
        var path = Path.Combine([Root, "..", "shared", "vectors", .. parts]);
        Assert.SkipUnless(Path.Exists(path), $"The vectors beside the checkout ({string.Join('/', parts)}) are not to be redistributed and are absent here.");
        return Path.GetFullPath(path);
    }

    static string FindRoot()
    {
        for (var folder = new DirectoryInfo(AppContext.BaseDirectory); folder is not null; folder = folder.Parent)
        {
            if (File.Exists(Path.Combine(folder.FullName, "NitroEnclaves.slnx")))
            {
                return folder.FullName;
            }
        }

        throw new DirectoryNotFoundException($"No NitroEnclaves.slnx above {AppContext.BaseDirectory}.");
    }
}
