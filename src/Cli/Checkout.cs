namespace NitroEnclaves.Cli;

/// <summary>The checkout that the command was built in, where it was: the demo publishes its sample and set-up scripts lie in it.</summary>
static class Checkout
{
    /// <summary>The folder of the solution file above the command's own, or null where the command was installed without its source.</summary>
    public static string? Root { get; } = Find();

    static string? Find()
    {
        for (var folder = new DirectoryInfo(AppContext.BaseDirectory); folder is not null; folder = folder.Parent)
        {
            if (File.Exists(Path.Combine(folder.FullName, "NitroEnclaves.slnx")))
            {
                return folder.FullName;
            }
        }

        return null;
    }
}
