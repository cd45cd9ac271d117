using NitroEnclaves.EndToEnd.Tests;
using NitroEnclaves.Tests;

namespace NitroEnclaves.Enclaves.Tests;

/// <summary>A guest with programs that know nothing of ours: Python, socat, and Go with mdlayher/vsock.</summary>
public sealed class ForeignGuest : IAsyncLifetime
{
    LinuxGuest? _guest;

    /// <summary>socat's file, which some tests send about.</summary>
    internal string Socat { get; private set; } = "";

    internal LinuxGuest Guest => _guest!;

    public async ValueTask InitializeAsync()
    {
        // Each prints the path of what it brings, once, and at once where that is there.
        var python = await BringAsync("python");
        var go = await BringAsync("go-vsock");
        Socat = Path.Combine(python, "usr/bin/socat");
        _guest = await LinuxGuest.BootAsync(equip: ramdisk =>
        {
            ramdisk.AddTree(python, "");
            ramdisk.AddFile(go, "bin-go/go-vsock");
            ramdisk.AddFile(GuestRamdisk.InGuestFolder("vsock-client.py"), "vsock-client.py");
        });
    }

    public ValueTask DisposeAsync() => _guest?.DisposeAsync() ?? default;

    internal static async Task<string> BringAsync(string name) =>
        (await Tool.RunAsync(Path.Combine(TestVectors.Root, "eng", "foreign", name), [])).Trim();
}
