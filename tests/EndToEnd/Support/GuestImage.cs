using NitroEnclaves.Images;

namespace NitroEnclaves.EndToEnd.Tests;

/// <summary>An image file on disk and the measurements that its build gave back.</summary>
sealed record GuestImage(string Path, EifMeasurements Measurements)
{
    /// <summary>Where <see cref="FromProgramAsync"/> puts the program in the guest.</summary>
    public const string ProgramPath = "/bin/guest";

    /// <summary>An image whose only program is one of <c>Guests/*.c</c>.</summary>
    /// <param name="source">The source's name without its ending; also the image's.</param>
    /// <param name="change">What shall be different from an ordinary image.</param>
    /// <param name="kernel">The kernel.</param>
    public static async Task<GuestImage> FromProgramAsync(
        string source, Func<ProgramDescription, ProgramDescription>? change = null, KernelKind kernel = KernelKind.Enclave)
    {
        var program = await GuestPrograms.CompileAsync(source);
        var description = new ProgramDescription { Command = [ProgramPath] };
        return Build(source, RootOf(program), change is null ? description : change(description), kernel);
    }

    /// <summary>A root with one static program and a folder to work in.</summary>
    public static RootFileSystem RootOf(string program)
    {
        var root = new RootFileSystem();
        root.Set(ProgramPath, FileNode.RegularFile(FileContent.FromFile(program), UnixFileMode.UserExecute | UnixFileMode.UserRead));
        root.Set("some/where", FileNode.Directory());
        return root;
    }

    /// <summary>An image with nitro-init.</summary>
    public static GuestImage Build(
        string name, RootFileSystem root, ProgramDescription program, KernelKind kernel = KernelKind.Enclave, string? commandLine = null)
    {
        var path = NewPath(name);
        using (root)
        {
            var builder = new EnclaveImageBuilder
            {
                Kernel = EifSectionContent.FromFile(GuestParts.Kernel(kernel)),
                KernelVersion = GuestParts.KernelVersion(kernel),
                CommandLine = commandLine ?? EnclaveImageBuilder.DefaultCommandLine,
                Init = FileContent.FromFile(Checkout.Init),
                Modules = GuestParts.Modules(kernel),
                RootFileSystem = root,
                Program = program,
                Name = name,
            };
            return new GuestImage(path, builder.Build(path));
        }
    }

    /// <summary>An image of any ramdisks.</summary>
    public static GuestImage Build(string name, KernelKind kernel, string commandLine, params IReadOnlyList<EifSectionContent> ramdisks)
    {
        var path = NewPath(name);
        var builder = new EifBuilder
        {
            Kernel = EifSectionContent.FromFile(GuestParts.Kernel(kernel)),
            CommandLine = commandLine,
            Ramdisks = ramdisks,
            Metadata = new EifMetadata
            {
                ImageName = name,
                ImageVersion = "1.0",
                BuildTime = "2017-04-18T16:30:00Z",
                BuildTool = "end-to-end",
                BuildToolVersion = "1",
                OperatingSystem = "Linux",
                KernelVersion = GuestParts.KernelVersion(kernel),
            },
        };
        return new GuestImage(path, builder.Build(path));
    }

    // Tests run at the same time, and two of them may build an image of the same name.
    static string NewPath(string name) => System.IO.Path.Combine(
        Directory.CreateDirectory(System.IO.Path.Combine(Checkout.Scratch, "images", Guid.NewGuid().ToString("N")[..8])).FullName, $"{name}.eif");
}
