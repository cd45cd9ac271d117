using NitroEnclaves.Tests;

namespace NitroEnclaves.EndToEnd.Tests;

/// <summary>The parts of guests that <c>eng/setup</c> brings, and the command, built as a user of the checkout builds it.</summary>
static class Checkout
{
    static readonly string s_cache = Path.Combine(
        Environment.GetEnvironmentVariable("XDG_CACHE_HOME") is { Length: > 0 } cache
            ? cache
            : Path.Combine(Environment.GetFolderPath(Environment.SpecialFolder.UserProfile), ".cache"),
        "nitro-enclaves");

    public static string RuntimeLibraries => Path.Combine(s_cache, "runtime-libraries", "current");

    public static string Init => GuestParts.NitroInit;

    public static string Command => In("nitro");

    /// <summary>The command without what builds it.</summary>
    public static string BuiltCommand => In("artifacts", "nitro", "nitro");

    /// <summary>A scratch folder of the build, for images and programs that tests make.</summary>
    public static string Scratch { get; } = In("artifacts", "end-to-end");

    /// <summary>What the set-up scripts brought.</summary>
    public static string InCache(params string[] parts) => Path.Combine([s_cache, .. parts]);

    public static string In(params string[] parts) => Path.Combine([TestVectors.Root, .. parts]);

    /// <summary>Checks that everything is there, and builds the command where a source is newer.</summary>
    /// <exception cref="FileNotFoundException">Something is missing; the message says how to bring it.</exception>
    public static async Task PrepareAsync()
    {
        _ = (GuestParts.Kernel(KernelKind.Enclave), GuestParts.Kernel(KernelKind.Debian), Init);
        Require(Path.Combine(s_cache, "qemu", "current", "bin", "qemu-system-x86_64"));
        Require(Path.Combine(RuntimeLibraries, "lib64", "ld-linux-x86-64.so.2"));
        Directory.CreateDirectory(Scratch);
        await Tool.RunAsync(Command, ["--version"]);
    }

    static string Require(string path) => File.Exists(path)
        ? path
        : throw new FileNotFoundException($"{path} is missing: run eng/setup, which brings everything that guests are started from.");
}
