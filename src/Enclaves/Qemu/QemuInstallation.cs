using System.Diagnostics;

namespace NitroEnclaves.Enclaves;

/// <summary>A QEMU that has the devices that are needed, and where it was found.</summary>
/// <param name="Path">The program.</param>
/// <param name="Version">Its version as it says it.</param>
sealed record QemuInstallation(string Path, string Version)
{
    const string ProgramName = "qemu-system-x86_64";

    // vhost-user-test-device, which carries any virtio device, came with QEMU 10.2; so did exit-with-parent.
    const string GenericDevice = "\"vhost-user-test-device\"";

    static readonly TimeSpan s_patience = TimeSpan.FromSeconds(10);

    /// <summary>Where <c>eng/qemu</c> puts its QEMU.</summary>
    public static string CachedPath => System.IO.Path.Combine(CacheFolder.Path, "qemu", "current", "bin", ProgramName);

    /// <summary>Finds a fit QEMU: the given one, else the one in the cache folder, else the one on <c>PATH</c>.</summary>
    /// <param name="given">The program to use, or null.</param>
    /// <param name="reason">Why there is none, and what to do about it.</param>
    public static QemuInstallation? Find(string? given, out string reason)
    {
        if (given is null && FindCached() is { } cached)
        {
            reason = "";
            return cached;
        }

        reason = given is null
            ? $"QEMU 10.2 or newer is not installed: run eng/qemu, which brings one into {CacheFolder.Path}."
            : $"There is no QEMU at {given}.";
        foreach (var candidate in (given is null ? Candidates() : [given]).Where(File.Exists))
        {
            if (Ask(candidate, "--version") is { } version && (Ask(candidate, "-device", "help")?.Contains(GenericDevice, StringComparison.Ordinal) ?? false))
            {
                return new QemuInstallation(candidate, VersionIn(version));
            }

            reason = $"The QEMU at {candidate} has no vhost-user-test-device (it came with QEMU 10.2): run eng/qemu, which brings one that has it.";
        }

        return null;
    }

    // What eng/qemu has put there it has asked for the device already; the folder that the link leads to is named by the version.
    static QemuInstallation? FindCached()
    {
        var current = new DirectoryInfo(System.IO.Path.Combine(CacheFolder.Path, "qemu", "current"));
        return File.Exists(CachedPath) && current.ResolveLinkTarget(returnFinalTarget: true) is { } target
            ? new QemuInstallation(CachedPath, target.Name.Split('+', '-')[0])
            : null;
    }

    // A cache folder that was filled by hand, without eng/qemu's link, has to be asked like any other.
    static IEnumerable<string> Candidates() =>
        (Environment.GetEnvironmentVariable("PATH") ?? "").Split(System.IO.Path.PathSeparator, StringSplitOptions.RemoveEmptyEntries)
            .Select(folder => System.IO.Path.Combine(folder, ProgramName))
            .Prepend(CachedPath);

    static string VersionIn(string text)
    {
        const string Marker = "version ";
        var start = text.IndexOf(Marker, StringComparison.Ordinal);
        return start < 0 ? "of unknown version" : text[(start + Marker.Length)..].Split([' ', '\n'], 2)[0];
    }

    static string? Ask(string program, params string[] arguments)
    {
        using var process = new Process
        {
            StartInfo = new ProcessStartInfo(program, arguments) { RedirectStandardOutput = true, RedirectStandardError = true, RedirectStandardInput = true },
        };
        try
        {
            process.Start();
            process.StandardInput.Close();
            var errors = process.StandardError.ReadToEndAsync();
            var output = process.StandardOutput.ReadToEndAsync();
            if (process.WaitForExit(s_patience) && process.ExitCode == 0)
            {
                return output.GetAwaiter().GetResult();
            }

            process.Kill();
            return null;
        }
        catch (Exception exception) when (exception is System.ComponentModel.Win32Exception or InvalidOperationException)
        {
            return null;
        }
    }
}
