using System.Runtime.Versioning;

namespace NitroEnclaves.Hosting.Tests;

/// <summary>A folder that looks like the kernel's files of an enclave in which every rule is met.</summary>
[UnsupportedOSPlatform("windows")]
sealed class FakeSurroundings : TimeProvider, IDisposable
{
    readonly DirectoryInfo _root = Directory.CreateTempSubdirectory("enclave-");

    public FakeSurroundings()
    {
        Write("/sys/class/misc/hw_random/rng_current", "nsm-hwrng\n");
        Write("/sys/devices/system/clocksource/clocksource0/current_clocksource", "kvm-clock\n");
        Write("/proc/cmdline", "reboot=k panic=30 random.trust_cpu=off random.trust_bootloader=off\n");
        Write("/proc/sys/kernel/osrelease", "6.12.107-nitro-enclave\n");
        Write("/dev/nsm", "");
        File.SetUnixFileMode(Path.Combine(_root.FullName, "dev/nsm"), UnixFileMode.UserRead | UnixFileMode.UserWrite);
    }

    public Dictionary<string, string> Variables { get; } = new() { ["DOTNET_EnableDiagnostics"] = "0" };

    public EnclaveSurroundings Surroundings => new(_root.FullName, name => Variables.GetValueOrDefault(name), this);

    /// <summary>How far the clock is off.</summary>
    public TimeSpan ClockOffset { get; set; }

    public override DateTimeOffset GetUtcNow() => base.GetUtcNow() + ClockOffset;

    public void Write(string path, string content)
    {
        var file = Path.Combine(_root.FullName, path.TrimStart('/'));
        Directory.CreateDirectory(Path.GetDirectoryName(file)!);
        File.WriteAllText(file, content);
    }

    public void Remove(string path) => File.Delete(Path.Combine(_root.FullName, path.TrimStart('/')));

    public void SetMode(string path, UnixFileMode mode) => File.SetUnixFileMode(Path.Combine(_root.FullName, path.TrimStart('/')), mode);

    public void Dispose() => _root.Delete(recursive: true);
}
