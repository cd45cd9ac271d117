using NitroEnclaves.Images;

namespace NitroEnclaves.Boot.Benchmarks;

/// <summary>An image with next to nothing in it but one of the kernels that <c>eng/setup</c> brings.</summary>
sealed class BootImage : IDisposable
{
    readonly string _path;

    BootImage(string path, string kernelVersion) => (_path, KernelVersion) = (path, kernelVersion);

    public string KernelVersion { get; }

    public long Length => new FileInfo(_path).Length;

    /// <summary>Builds the image.</summary>
    /// <param name="kernel">The kernel's folder in the cache folder.</param>
    public static BootImage Build(string kernel)
    {
        var cache = Environment.GetEnvironmentVariable("XDG_CACHE_HOME") is { Length: > 0 } home
            ? home
            : Path.Combine(Environment.GetFolderPath(Environment.SpecialFolder.UserProfile), ".cache");
        var folder = Path.Combine(cache, "nitro-enclaves", kernel, "current");
        var init = FileContent.FromFile(Path.Combine(CheckoutRoot(), "artifacts", "publish", "nitro-init", "release_linux-x64", "nitro-init"));
        var modules = Path.Combine(folder, "modules");
        var version = File.ReadAllText(Path.Combine(folder, "version")).Split(' ')[0];
        using var root = new RootFileSystem();
        // The heartbeat comes before the program is started; this one declines at once, for it is not the first process.
        root.Set("program", FileNode.RegularFile(init, UnixFileMode.UserRead | UnixFileMode.UserExecute));
        var path = Path.Combine(Path.GetTempPath(), Path.GetRandomFileName());
        new EnclaveImageBuilder
        {
            Name = "boot",
            Kernel = EifSectionContent.FromFile(Path.Combine(folder, "bzImage")),
            KernelVersion = version,
            Init = init,
            Modules = Directory.Exists(modules)
                ? [.. Directory.GetFiles(modules).Order(StringComparer.Ordinal).Select(file => (Path.GetFileName(file), FileContent.FromFile(file)))]
                : [],
            RootFileSystem = root,
            Program = new ProgramDescription { Command = ["/program"] },
        }.Build(path);
        return new BootImage(path, version);
    }

    public EifFile Open() => EifFile.Open(_path);

    public void Dispose() => File.Delete(_path);

    static string CheckoutRoot()
    {
        var folder = AppContext.BaseDirectory;
        while (!File.Exists(Path.Combine(folder, "NitroEnclaves.slnx")))
        {
            folder = Path.GetDirectoryName(folder) ?? throw new DirectoryNotFoundException("The benchmark runs from a checkout only.");
        }

        return folder;
    }
}
