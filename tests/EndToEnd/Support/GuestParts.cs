using System.Diagnostics;
using System.Security.Cryptography;
using NitroEnclaves.Images;
using NitroEnclaves.Tests;

namespace NitroEnclaves.EndToEnd.Tests;

/// <summary>What test images are made of: what <c>eng/setup</c> brings, and programs from the folder Guests.</summary>
static class GuestParts
{
    static readonly Lock s_compiling = new();

    static string CacheFolder { get; } = Path.Combine(
        Environment.GetEnvironmentVariable("XDG_CACHE_HOME") is { Length: > 0 } cache
            ? cache
            : Path.Combine(Environment.GetFolderPath(Environment.SpecialFolder.UserProfile), ".cache"),
        "nitro-enclaves");

    public static string NitroInit => Require(Path.Combine(TestVectors.Root, "artifacts", "publish", "nitro-init", "release_linux-x64", "nitro-init"));

    /// <summary>A kernel: the enclave kernel, which has everything built in, or one of Debian's, which need modules and ACPI.</summary>
    public static string Kernel(KernelKind kind) => kind switch
    {
        KernelKind.Enclave => Require(Path.Combine(CacheFolder, "enclave-kernel", "current", "bzImage"), "eng/enclave-kernel"),
        KernelKind.Old => Require(Path.Combine(CacheFolder, "old-kernel", "current", "bzImage"), "tests/EndToEnd/old-kernel"),
        _ => Require(Path.Combine(CacheFolder, "kernel", "current", "bzImage")),
    };

    /// <summary>A kernel's version.</summary>
    public static string KernelVersion(KernelKind kind) =>
        File.ReadAllText(Path.Combine(Path.GetDirectoryName(Kernel(kind))!, "version")).Split(' ')[0];

    /// <summary>The files of a kernel's modules in load order; none where it needs none.</summary>
    public static string[] ModuleFiles(KernelKind kind)
    {
        var folder = Path.Combine(Path.GetDirectoryName(Kernel(kind))!, "modules");
        return Directory.Exists(folder) ? [.. Directory.GetFiles(folder, "*.ko").Order(StringComparer.Ordinal)] : [];
    }

    /// <summary>A kernel's modules with their names, in load order.</summary>
    public static IReadOnlyList<(string Name, FileContent Content)> Modules(KernelKind kind) =>
        [.. ModuleFiles(kind).Select(file => (Path.GetFileName(file), FileContent.FromFile(file)))];

    /// <summary>A C program of the folder Guests as a static executable, compiled when its source has changed.</summary>
    public static string Compile(string name)
    {
        var source = Path.Combine(TestVectors.Root, "tests", "EndToEnd", "Guests", name + ".c");
        var hash = Convert.ToHexStringLower(SHA256.HashData(File.ReadAllBytes(source)))[..16];
        var program = Path.Combine(TestVectors.Root, "artifacts", "guests", $"{name}-{hash}");
        lock (s_compiling)
        {
            if (!File.Exists(program))
            {
                Directory.CreateDirectory(Path.GetDirectoryName(program)!);
                var unfinished = $"{program}.{Environment.ProcessId}";
                using var compiler = Process.Start("gcc", ["-O2", "-static", "-o", unfinished, source]);
                compiler.WaitForExit();
                Assert.True(compiler.ExitCode == 0, $"gcc does not compile {source}");
                File.Move(unfinished, program, overwrite: true);
            }
        }

        return program;
    }

    static string Require(string path, string script = "eng/setup")
    {
        Assert.True(File.Exists(path), $"{path} is missing: run {script}");
        return path;
    }
}
