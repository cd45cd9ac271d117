using System.Formats.Tar;
using System.Text;
using NitroEnclaves.Images;

namespace NitroEnclaves.EndToEnd.Tests;

/// <summary>
/// Images exactly as nitro-cli lays them out, with an init by AWS's rules: <c>dev</c>, <c>init</c>, <c>nsm.ko</c>, then <c>rootfs</c>,
/// <c>cmd</c>, <c>env</c>. Only the kernel is not AWS's: the enclave kernel, which has all that AWS's has, or Debian's; what that has as
/// modules besides <c>nsm.ko</c>, the init holds in itself.
/// </summary>
static class AwsImage
{
    /// <summary>Builds an image.</summary>
    /// <param name="name">The image's name.</param>
    /// <param name="kernel">Its kernel.</param>
    /// <param name="program">What it starts.</param>
    /// <param name="folders">Where the files of its root are.</param>
    public static async Task<GuestImage> BuildAsync(string name, KernelKind kernel, ProgramDescription program, params string[] folders)
    {
        var export = Path.Combine(Checkout.Scratch, $"{name}-{kernel}.tar");
        await WriteExportAsync(export, folders);
        try
        {
            return GuestImage.Build(
                name,
                kernel,
                // This init mounts every hierarchy of control groups in its first version, which Debian's kernel no longer has for these.
                EnclaveImageBuilder.DefaultCommandLine + (kernel == KernelKind.Debian ? " cgroup_disable=memory,cpuset" : ""),
                new NitroCliBootstrapRamdisk
                {
                    Init = FileContent.FromFile(await CompileInitAsync(kernel)),
                    NsmModule = GuestParts.ModuleFiles(kernel).SingleOrDefault(IsNsm) is { } nsm ? FileContent.FromFile(nsm) : null,
                },
                new NitroCliApplicationRamdisk { ExportPath = export, Program = program });
        }
        finally
        {
            File.Delete(export);
        }
    }

    static async Task<string> CompileInitAsync(KernelKind kernel)
    {
        string[] builtIn = [.. GuestParts.ModuleFiles(kernel).Where(file => !IsNsm(file))];
        if (builtIn.Length == 0)
        {
            return await GuestPrograms.CompileAsync("aws-init");
        }

        // Tests at the same time make the same file; each under a name of its own, for the compiler reads it.
        var modules = Path.Combine(Checkout.Scratch, $"modules-{Guid.NewGuid():N}.S");
        await File.WriteAllTextAsync(modules, ModuleTable(builtIn), TestContext.Current.CancellationToken);
        try
        {
            return await GuestPrograms.CompileAsync("aws-init", $"aws-init-{kernel}", Checkout.In("tests", "EndToEnd", "Guests", "aws-modules.c"), modules);
        }
        finally
        {
            File.Delete(modules);
        }
    }

    static string ModuleTable(string[] files)
    {
        var table = new StringBuilder(".section .note.GNU-stack,\"\",@progbits\n.section .data.rel.ro\n.balign 8\n.globl kernel_modules\nkernel_modules:\n");
        var contents = new StringBuilder(".section .rodata\n");
        for (var i = 0; i < files.Length; i++)
        {
            table.Append($".quad module{i}, module{i}_end - module{i}\n");
            contents.Append($"module{i}: .incbin \"{files[i]}\"\nmodule{i}_end:\n");
        }

        return $"{table}.quad 0, 0\n{contents}";
    }

    // As docker export writes a container's files.
    static async Task WriteExportAsync(string path, string[] folders)
    {
        await using var writer = new TarWriter(File.Create(path), TarEntryFormat.Pax);
        foreach (var folder in folders)
        {
            foreach (var file in Directory.EnumerateFileSystemEntries(folder, "*", SearchOption.AllDirectories).Order(StringComparer.Ordinal))
            {
                await writer.WriteEntryAsync(file, Path.GetRelativePath(folder, file));
            }
        }
    }

    static bool IsNsm(string file) => file.EndsWith("-nsm.ko", StringComparison.Ordinal);
}
