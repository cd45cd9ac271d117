using System.Globalization;

namespace NitroEnclaves.EndToEnd.Tests;

/// <summary>
/// A user of this machine without rights or groups, with a home, and with a copy of the command that he may read wherever the checkout is.
/// Where the tests are not run by root, it is who runs them.
/// </summary>
sealed class OrdinaryUser : IDisposable
{
    // Nobody's: neither an account's nor among the subordinate ids that distributions give out.
    const uint Id = 61_184;

    readonly string _folder = Directory.CreateTempSubdirectory("nitro-user-").FullName;

    OrdinaryUser()
    {
    }

    /// <summary>His home, which is his alone.</summary>
    public string Home => Path.Combine(_folder, "home");

    string Command => Path.Combine(_folder, "nitro");

    /// <summary>Makes the user's folders.</summary>
    /// <param name="host">A host whose folders become his.</param>
    /// <param name="image">An image, of which he gets a copy.</param>
    public static async Task<(OrdinaryUser User, string Image)> CreateAsync(EnclaveHost host, string image)
    {
        var user = new OrdinaryUser();
        Directory.CreateDirectory(user.Home);
        await Tool.RunAsync("cp", ["-r", Path.GetDirectoryName(Checkout.BuiltCommand)!, user.Command]);
        var copy = Path.Combine(user._folder, "contained.eif");
        File.Copy(image, copy);
        await Tool.RunAsync("chmod", ["-R", "a+rX", user._folder]);
        if (Environment.IsPrivilegedProcess)
        {
            await Tool.RunAsync("chown", ["-R", string.Create(CultureInfo.InvariantCulture, $"{Id}:{Id}"), user.Home, host.Folder]);
        }

        return (user, copy);
    }

    /// <summary>Runs the command as the user, with a host's folders.</summary>
    public Task<ToolResult> RunAsync(EnclaveHost host, params string[] arguments)
    {
        var environment = host.Environment;
        environment["HOME"] = Home;
        environment["XDG_CACHE_HOME"] = environment["XDG_DATA_HOME"] = environment["XDG_RUNTIME_DIR"] = Home;
        var id = Id.ToString(CultureInfo.InvariantCulture);
        string[] command = [Path.Combine(Command, Path.GetFileName(Checkout.BuiltCommand)), .. arguments];
        return Environment.IsPrivilegedProcess
            ? Tool.TryRunAsync("setpriv", ["--reuid", id, "--regid", id, "--clear-groups", "--inh-caps=-all", "--bounding-set=-all", .. command], environment)
            : Tool.TryRunAsync(command[0], command[1..], environment);
    }

    public void Dispose() => Directory.Delete(_folder, recursive: true);
}
