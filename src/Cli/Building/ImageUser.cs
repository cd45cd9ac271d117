using NitroEnclaves.Images;

namespace NitroEnclaves.Cli.Building;

/// <summary>
/// Checks a USER (name or number, with or without a group) against the image's own accounts, as nitro-init will: a name that is
/// not there is better found now than when the enclave starts.
/// </summary>
static class ImageUser
{
    const long MaxAccounts = 1 << 20;

    /// <summary>Refuses names that the image does not have.</summary>
    /// <exception cref="CommandFailure">A name is neither a number nor in /etc/passwd or /etc/group.</exception>
    public static void Check(RootFileSystem root, string specification)
    {
        string[] names = specification.Split(':', 2);
        CheckName(root, names[0], "user", "etc/passwd");
        if (names.Length > 1)
        {
            CheckName(root, names[1], "group", "etc/group");
        }
    }

    static void CheckName(RootFileSystem root, string name, string kind, string file)
    {
        if (!uint.TryParse(name, System.Globalization.NumberStyles.None, System.Globalization.CultureInfo.InvariantCulture, out _)
            && !Lines(root, file).Any(line => line.StartsWith(name + ":", StringComparison.Ordinal)))
        {
            throw new CommandFailure(48, $"The image's {kind} {name} is not in its /{file}.");
        }
    }

    static string[] Lines(RootFileSystem root, string path)
    {
        if (root.Find(path) is not { Type: FileNodeType.RegularFile } file || file.Content.Length > MaxAccounts)
        {
            return [];
        }

        using var reader = new StreamReader(file.Content.OpenRead());
        return reader.ReadToEnd().Split('\n');
    }
}
