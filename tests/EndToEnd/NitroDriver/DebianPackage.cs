namespace NitroEnclaves.EndToEnd.Tests;

/// <summary>The package for parent instances, built and unpacked once a run.</summary>
static class DebianPackage
{
    static readonly Lazy<Task<string>> s_root = new(BuildAsync);

    /// <summary>The folder in which its files lie as they will below <c>/</c>.</summary>
    public static Task<string> RootAsync() => s_root.Value;

    static async Task<string> BuildAsync()
    {
        var package = (await Tool.RunAsync(Checkout.In("packaging", "deb", "build"), [])).Trim();
        var root = Path.Combine(Checkout.Scratch, "package");
        if (Directory.Exists(root))
        {
            Directory.Delete(root, recursive: true);
        }

        await Tool.RunAsync("dpkg-deb", ["--extract", package, root]);
        return root;
    }
}
