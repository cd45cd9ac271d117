using NitroEnclaves.Images;

namespace NitroEnclaves.Cli;

/// <summary>The kernel of an image: the file, and what the user should know of the choice.</summary>
/// <param name="Path">The kernel's file; its modules and its version stand beside it.</param>
/// <param name="Note">Why it is not the enclave kernel although nobody asked for another; null otherwise.</param>
/// <remarks>
/// An image that shall start on EC2 and under emulation alike carries the enclave kernel, which finds its devices without ACPI and PCI.
/// It is compiled on the user's machine, which takes minutes or may not be possible: until then images carry Debian's.
/// </remarks>
sealed record EnclaveKernel(string Path, string? Note)
{
    /// <summary>The name under which <c>--kernel</c> takes Debian's cloud kernel, with its modules.</summary>
    public const string Debian = "debian";

    /// <summary>The name under which <c>--kernel</c> takes the enclave kernel, and nothing in its place.</summary>
    public const string Enclave = "enclave";

    static string EnclavePath => InCache("enclave-kernel");

    static string DebianPath => InCache("kernel");

    /// <summary>The version that its builder noted beside it, else the one in its header.</summary>
    public string Version
    {
        get
        {
            var file = System.IO.Path.Combine(System.IO.Path.GetDirectoryName(System.IO.Path.GetFullPath(Path))!, "version");
            if (File.Exists(file))
            {
                return File.ReadAllText(file).Trim();
            }

            using var kernel = File.OpenRead(Path);
            return LinuxKernelImage.Read(kernel).Release ?? "unknown";
        }
    }

    /// <summary>Finds the kernel.</summary>
    /// <param name="given">A file, <see cref="Debian"/>, <see cref="Enclave"/>, or null for <c>$NITRO_CLI_BLOBS</c>, then the enclave kernel.</param>
    /// <param name="architecture">The image's; the kernels of the cache folder are for x86-64.</param>
    /// <exception cref="CommandFailure">There is none.</exception>
    public static EnclaveKernel Find(string? given, EifArchitecture architecture = EifArchitecture.X64)
    {
        switch (given)
        {
            case Debian:
                return new EnclaveKernel(Require(DebianPath, "setup"), null);
            case Enclave:
                return new EnclaveKernel(Require(EnclavePath, "enclave-kernel"), null);
            case not null:
                return File.Exists(given) ? new EnclaveKernel(given, null) : throw new CommandFailure(48, $"The kernel {given} does not exist.");
        }

        if (EnclaveParts.Blobs is { } blobs)
        {
            var file = System.IO.Path.Combine(blobs, architecture == EifArchitecture.Arm64 ? "Image" : "bzImage");
            return File.Exists(file)
                ? new EnclaveKernel(file, null)
                : throw new CommandFailure(48, $"There is no kernel at {file} ($NITRO_CLI_BLOBS): name one with --kernel.");
        }

        if (architecture != EifArchitecture.X64)
        {
            throw EnclaveParts.MissingForArchitecture(architecture);
        }

        return File.Exists(EnclavePath)
            ? new EnclaveKernel(EnclavePath, null)
            : new EnclaveKernel(
                Require(DebianPath, "setup"),
                $"The enclave kernel is not built on this machine: this image gets Debian's, measures differently, and will not find its devices on EC2. "
                    + $"{EnclaveParts.Script("enclave-kernel")} builds it in some minutes; --kernel {Debian} asks for Debian's.");
    }

    static string Require(string path, string script) =>
        File.Exists(path) ? path : throw new CommandFailure(48, $"There is no kernel at {path}: run {EnclaveParts.Script(script)}, or name one with --kernel.");

    static string InCache(string folder) => System.IO.Path.Combine(EnclaveParts.CacheFolder, folder, "current", "bzImage");
}
