using System.Runtime.InteropServices;
using NitroEnclaves.Cli.Building;
using NitroEnclaves.Images;

namespace NitroEnclaves.Cli;

/// <summary>
/// Where the parts of an image come from that its author did not write, besides the kernel: modules, nitro-init, C runtime libraries.
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

    /// <summary>The folder of AWS's blobs, where the user has named one.</summary>
    public static string? Blobs => Environment.GetEnvironmentVariable("NITRO_CLI_BLOBS") is { Length: > 0 } folder ? folder : null;

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
    public static string FindInit(string? given, EifArchitecture architecture = EifArchitecture.X64)
    {
        if (given is not null)
        {
            return ForArchitecture(RequireFile(given, "init"), architecture);
        }

        var runtime = architecture == EifArchitecture.Arm64 ? "linux-arm64" : "linux-x64";
        string?[] candidates =
        [
            Blobs is { } blobs ? Path.Combine(blobs, "init") : null,
            architecture == Host ? Path.Combine(AppContext.BaseDirectory, "nitro-init") : null,
            Checkout.Root is { } root ? Path.Combine(root, "artifacts", "publish", "nitro-init", $"release_{runtime}", "nitro-init") : null,
        ];
        return candidates.FirstOrDefault(File.Exists) is { } found ? ForArchitecture(found, architecture)
            : architecture != Host ? throw MissingForArchitecture(architecture)
            : throw new CommandFailure(48, $"There is no nitro-init: run {Script("init")}, or name an init with --init.");
    }

    /// <summary>The folder of C runtime libraries that a self-contained .NET program needs beside it.</summary>
    /// <exception cref="CommandFailure">There is none.</exception>
    public static string FindRuntimeLibraries(EifArchitecture architecture = EifArchitecture.X64)
    {
        if (architecture != EifArchitecture.X64)
        {
            throw new CommandFailure(48, $"The runtime libraries in the cache folder are for x86_64: give those of {ArchitectureNames.Of(architecture)} as a --directory, and the program as another.");
        }

        var folder = Path.Combine(CacheFolder, "runtime-libraries", "current");
        return Directory.Exists(folder) ? folder : throw new CommandFailure(48, $"There are no runtime libraries at {folder}: run {Script("setup")}.");
    }

    /// <summary>The command line of nitro-cli's blobs, which nitro-cli trims; null without blobs.</summary>
    public static string? FindCommandLine() =>
        Blobs is { } blobs && Path.Combine(blobs, "cmdline") is var file && File.Exists(file) ? File.ReadAllText(file).Trim() : null;

    /// <summary>The NSM's module for AWS's init: the given one, else for nitro-cli's layout that of its blobs; null for none.</summary>
    /// <exception cref="CommandFailure">The given one does not exist.</exception>
    public static string? FindNsmModule(string? given, RamdiskProfile profile) => given is not null
        ? RequireFile(given, "module")
        : profile == RamdiskProfile.NitroCli && Blobs is { } blobs && Path.Combine(blobs, "nsm.ko") is var file && File.Exists(file) ? file : null;

    static EifArchitecture Host => RuntimeInformation.ProcessArchitecture == Architecture.Arm64 ? EifArchitecture.Arm64 : EifArchitecture.X64;

    static string ForArchitecture(string init, EifArchitecture architecture) =>
        ElfExecutable.Read(init) is { Architecture: { } other } && other != architecture
            ? throw new CommandFailure(48, $"The init {init} is for {ArchitectureNames.Of(other)}, the image for {ArchitectureNames.Of(architecture)}: name another with --init, or choose with --arch.")
            : init;

    /// <summary>What set-up brings is for the machine it runs on; nothing here is cross-built.</summary>
    public static CommandFailure MissingForArchitecture(EifArchitecture architecture) => new(48,
        $"For an image of {ArchitectureNames.Of(architecture)} two parts must be supplied by path: a kernel (--kernel) and an init (--init); a folder with both and a cmdline, as NITRO_CLI_BLOBS names it, will do.");

    static string RequireFile(string path, string what) =>
        File.Exists(path) ? path : throw new CommandFailure(48, $"The {what} {path} does not exist.");

    /// <summary>A script of <c>eng/</c>, as the user can call it from here.</summary>
    public static string Script(string name) => Checkout.Root is { } root ? Path.Combine(root, "eng", name) : $"eng/{name} in a checkout";
}
