using System.Diagnostics;
using NitroEnclaves.Images;

namespace NitroEnclaves.Enclaves.Tests;

/// <summary>A guest's initial RAM disk: its first process, the kernel's modules, and whatever else a test wants there.</summary>
sealed class GuestRamdisk : IDisposable
{
    const uint Directory = 0x41ED;
    const uint Link = 0xA1FF;
    const uint Executable = 0x81ED;

    readonly FileStream _output;
    readonly CpioWriter _cpio;
    readonly HashSet<string> _folders = [];

    GuestRamdisk(string path)
    {
        _output = File.Create(path);
        _cpio = new CpioWriter(_output);
    }

    /// <summary>Begins a RAM disk with the first process (Guest/vsock-guest.c) and the kernel's modules.</summary>
    /// <param name="path">Where it is written.</param>
    /// <param name="kernel">The kernel's folder in the cache.</param>
    public static async Task<GuestRamdisk> BeginAsync(string path, string kernel)
    {
        var program = path + ".init";
        using var compiler = Process.Start("gcc", ["-O2", "-static", "-o", program, InGuestFolder("vsock-guest.c")]);
        await compiler.WaitForExitAsync();
        Assert.Equal(0, compiler.ExitCode);
        var ramdisk = new GuestRamdisk(path);
        foreach (var mountPoint in new[] { "dev", "proc", "tmp" })
        {
            ramdisk.AddFolder(mountPoint);
        }

        ramdisk.AddFile(program, "init");
        foreach (var module in System.IO.Directory.GetFiles(Path.Combine(kernel, "modules")))
        {
            // In the cache they are numbered in the order of loading.
            ramdisk.AddFile(module, $"modules/{Path.GetFileName(module)[3..]}");
        }

        return ramdisk;
    }

    /// <summary>A file of the tests' folder Guest.</summary>
    public static string InGuestFolder(string name) => Path.Combine(AppContext.BaseDirectory, "Guest", name);

    /// <summary>Adds a file, which may be executed, and the folders that lead to it.</summary>
    public void AddFile(string source, string target)
    {
        AddFolder(Path.GetDirectoryName(target)!);
        _cpio.Write(new CpioEntry { Name = target, Mode = Executable }, File.ReadAllBytes(source));
    }

    /// <summary>Adds all that is in a folder, symbolic links as they are.</summary>
    public void AddTree(string source, string target)
    {
        AddFolder(target);
        foreach (var entry in new DirectoryInfo(source).EnumerateFileSystemInfos())
        {
            var name = Path.Combine(target, entry.Name);
            if (entry.LinkTarget is { } link)
            {
                _cpio.Write(new CpioEntry { Name = name, Mode = Link }, System.Text.Encoding.UTF8.GetBytes(link));
            }
            else if (entry is DirectoryInfo)
            {
                AddTree(entry.FullName, name);
            }
            else
            {
                AddFile(entry.FullName, name);
            }
        }
    }

    public void Dispose()
    {
        _cpio.Finish(new CpioEntry { Name = "" });
        _output.Dispose();
    }

    void AddFolder(string path)
    {
        if (path.Length > 0 && _folders.Add(path))
        {
            AddFolder(Path.GetDirectoryName(path)!);
            _cpio.Write(new CpioEntry { Name = path, Mode = Directory }, []);
        }
    }
}
