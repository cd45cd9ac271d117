using System.Collections.Concurrent;
using NitroEnclaves.Images;

namespace NitroEnclaves.EndToEnd.Tests;

/// <summary>Programs with other people's vsock code, which the scripts of <c>eng/foreign</c> bring or build, as roots of images.</summary>
static class ForeignParts
{
    static readonly ConcurrentDictionary<string, Lazy<Task<string>>> s_brought = new();

    /// <summary>The root in which a foreign program runs: itself alone, where it is static, or Python and socat with ours beside.</summary>
    /// <param name="program">The path in the root.</param>
    public static async Task<RootFileSystem> RootForAsync(string program)
    {
        if (program is "/usr/bin/python3" or "/usr/bin/socat")
        {
            var root = RootFileSystem.FromFolder(await BringAsync("python"));
            foreach (var script in (string[])["vsock.py", "nsm.py"])
            {
                root.Set(script, FileNode.RegularFile(FileContent.FromFile(Checkout.In("tests", "EndToEnd", "Guests", script))));
            }

            return root;
        }

        var name = Path.GetFileName(program);
        var file = name == "go-vsock" ? await BringAsync("go-vsock") : Path.Combine(await BringAsync("rust-vsock"), name);
        var single = new RootFileSystem();
        single.Set(program, FileNode.RegularFile(FileContent.FromFile(file), UnixFileMode.UserExecute | UnixFileMode.UserRead));
        return single;
    }

    /// <summary>Runs a script of <c>eng/foreign</c>, once; it prints the path of what it has brought, and where it fails, the step.</summary>
    public static Task<string> BringAsync(string script) => s_brought.GetOrAdd(script, script => new Lazy<Task<string>>(async () =>
        (await Tool.RunAsync(Checkout.In("eng", "foreign", script), [])).Split('\n', StringSplitOptions.RemoveEmptyEntries)[^1])).Value;
}
