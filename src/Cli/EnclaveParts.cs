using System.Runtime.InteropServices;
using NitroEnclaves.Images;

namespace NitroEnclaves.Cli;

/// <summary>
/// Where the parts of an image come from that its author did not write: kernel, modules, nitro-init, C runtime libraries.
/// Given by option, else <c>$NITRO_CLI_BLOBS</c>, else the cache folder that <c>eng/setup</c> fills.
/// </summary>
static class EnclaveParts
{
    /// <summary>The cache folder (contracts: <c>$XDG_CACHE_HOME/nitro-enclaves</c>).</summary>
    public static string CacheFolder { get; } = Path.Combine(
        Environment.GetEnvironmentVariable("XDG_CACHE_HOME") is { Length: > 0 } cache
            ? cache
            : Path.Combine(Environment.GetFolderPath(Environment.SpecialFolder.UserProfile), ".cache"),
        "nitro-enclaves");

    static string? Blobs => Environment.GetEnvironmentVariable("NITRO_CLI_BLOBS") is { Length: > 0 } folder ? folder : null;

    /// <summary>The kernel's file.</summary>
    /// <exception cref="CommandFailure">There is none.</exception>
    public static string FindKernel(string? given)
    {
        if (given is not null)
        {
            return RequireFile(given, "kernel");
        }

        string[] candidates = Blobs is { } blobs
            ? [Path.Combine(blobs, "bzImage"), Path.Combine(blobs, "Image")]
            : [Path.Combine(CacheFolder, "kernel", "current", "bzImage")];
        return candidates.FirstOrDefault(File.Exists)
            ?? throw new CommandFailure(48, $"There is no kernel at {candidates[0]}: run {SetUp()}, or name one with --kernel.");
    }

    /// <summary>The modules that go with a kernel, in load order: the files of a folder in the order of their names.</summary>
    /// <param name="given">The folder, or null for <c>modules</c> beside the kernel, where there is one.</param>
    /// <param name="kernel">The kernel's file.</param>
    public static IReadOnlyList<(string Name, FileContent Content)> FindModules(string? given, string kernel)
    {
        var folder = given ?? Path.Combine(Path.GetDirectoryName(Path.GetFullPath(kernel))!, "modules");
        if (!Directory.Exists(folder))
        {
            return given is null ? [] : throw new CommandFailure(48, $"The folder of modules {given} does not exist.");
        }

        return [.. Directory.GetFiles(folder, "*.ko").Order(StringComparer.Ordinal).Select(file => (ModuleName(file), FileContent.FromFile(file)))];
    }

    // The cache folder numbers its files; the image numbers its modules by itself.
    static string ModuleName(string file)
    {
        var name = Path.GetFileName(file);
        return name.Length > 3 && char.IsAsciiDigit(name[0]) && char.IsAsciiDigit(name[1]) && name[2] == '-' ? name[3..] : name;
    }

    /// <summary>nitro-init, or another init.</summary>
    /// <exception cref="CommandFailure">There is none.</exception>
    public static string FindInit(string? given)
    {
        if (given is not null)
        {
            return RequireFile(given, "init");
        }

        var runtime = RuntimeInformation.ProcessArchitecture == Architecture.Arm64 ? "linux-arm64" : "linux-x64";
        string?[] candidates =
        [
            Blobs is { } blobs ? Path.Combine(blobs, "init") : null,
            Path.Combine(AppContext.BaseDirectory, "nitro-init"),
            Checkout.Root is { } root ? Path.Combine(root, "artifacts", "publish", "nitro-init", $"release_{runtime}", "nitro-init") : null,
        ];
        return candidates.FirstOrDefault(File.Exists)
            ?? throw new CommandFailure(48, $"There is no nitro-init: run {(Checkout.Root is null ? "eng/init in a checkout" : "eng/init")}, or name an init with --init.");
    }

    /// <summary>The folder of C runtime libraries that a self-contained .NET program needs beside it.</summary>
    /// <exception cref="CommandFailure">There is none.</exception>
    public static string FindRuntimeLibraries()
    {
        var folder = Path.Combine(CacheFolder, "runtime-libraries", "current");
        return Directory.Exists(folder) ? folder : throw new CommandFailure(48, $"There are no runtime libraries at {folder}: run {SetUp()}.");
    }

    static string RequireFile(string path, string what) =>
        File.Exists(path) ? path : throw new CommandFailure(48, $"The {what} {path} does not exist.");

    static string SetUp() => Checkout.Root is { } root ? Path.Combine(root, "eng", "setup") : "eng/setup in a checkout";
}
