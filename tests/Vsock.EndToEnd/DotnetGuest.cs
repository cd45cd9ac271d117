using System.Runtime.InteropServices;
using NitroEnclaves.Images;

namespace NitroEnclaves.Enclaves.Tests;

/// <summary>A guest with .NET and the program of tests/Vsock.EndToEnd.Guest, whose vsock is Linux's own.</summary>
public sealed class DotnetGuest : IAsyncLifetime
{
    /// <summary>Runs the program; arguments follow.</summary>
    internal const string Program = "/dotnet/dotnet /program/NitroEnclaves.Vsock.EndToEnd.Guest.dll";

    /// <summary>The first port of the web service that runs as long as the guest.</summary>
    internal const uint ServicePort = 8080;

    LinuxGuest? _guest;

    internal LinuxGuest Guest => _guest!;

    public async ValueTask InitializeAsync()
    {
        var loopback = await ForeignGuest.BringAsync("vsock-loopback");
        _guest = await LinuxGuest.BootAsync(equip: ramdisk =>
        {
            ramdisk.AddFile(loopback, "modules/vsock_loopback.ko");
            ramdisk.AddTree(Path.Combine(CacheFolder.Path, "runtime-libraries", "current"), "");
            AddRuntime(ramdisk);
            ramdisk.AddTree(AppContext.BaseDirectory.Replace("NitroEnclaves.Vsock.EndToEnd.Tests", "NitroEnclaves.Vsock.EndToEnd.Guest", StringComparison.Ordinal), "program");
        });
        await _guest.StartProgramAsync($"{Program} kestrel {ServicePort}");
    }

    public ValueTask DisposeAsync() => _guest?.DisposeAsync() ?? default;

    // The runtime of this test, which is the one that the program was built for.
    static void AddRuntime(GuestRamdisk ramdisk)
    {
        var framework = new DirectoryInfo(RuntimeEnvironment.GetRuntimeDirectory());
        var root = framework.Parent!.Parent!.Parent!.FullName;
        ramdisk.AddFile(Path.Combine(root, "dotnet"), "dotnet/dotnet");
        foreach (var folder in new[] { $"host/fxr/{framework.Name}", $"shared/Microsoft.NETCore.App/{framework.Name}", $"shared/Microsoft.AspNetCore.App/{framework.Name}" })
        {
            ramdisk.AddTree(Path.Combine(root, folder), $"dotnet/{folder}");
        }
    }
}
