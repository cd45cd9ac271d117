using System.Runtime.InteropServices;

namespace NitroEnclaves.Init;

/// <summary>Loads the modules that an image brings: the drivers of the enclave's own devices.</summary>
static class KernelModules
{
    /// <summary>The modules of a ramdisk in load order: <c>/modules/*.ko</c> by name, then AWS's <c>/nsm.ko</c>.</summary>
    /// <param name="root">The ramdisk's root: "/".</param>
    internal static List<string> Find(string root)
    {
        var modules = new List<string>();
        var folder = Path.Combine(root, "modules");
        if (Directory.Exists(folder))
        {
            // The pattern alone would also match .koX: extensions of three letters match as prefixes.
            modules.AddRange(Directory.GetFiles(folder).Where(static path => path.EndsWith(".ko", StringComparison.Ordinal)));
            modules.Sort(StringComparer.Ordinal);
        }

        var single = Path.Combine(root, "nsm.ko");
        if (File.Exists(single))
        {
            modules.Add(single);
        }

        return modules;
    }

    /// <summary>Loads one module and deletes its file. A module that the kernel has already is left as it is.</summary>
    /// <exception cref="InitException">The kernel refuses the module.</exception>
    internal static void Load(string path)
    {
        using (var module = File.OpenHandle(path))
        {
            if (Interop.finit_module(Interop.SYS_finit_module, module, "", 0) != 0 && Marshal.GetLastPInvokeError() != Interop.EEXIST)
            {
                throw InitException.FromLastError($"load the module {path}");
            }
        }

        File.Delete(path);
    }
}
