namespace NitroEnclaves.Enclaves;

/// <summary>
/// Remembers what became of the probe guest until the machine is booted again: the file holds the boot's id and the result's name.
/// Whatever is wrong with it, the guest simply runs again.
/// </summary>
sealed class KvmProbeCache(string? folder = null, string bootIdPath = "/proc/sys/kernel/random/boot_id")
{
    readonly string _path = Path.Combine(folder ?? CacheFolder.Path, "kvm-probe");

    public KvmProbeResult? Read()
    {
        try
        {
            return File.ReadAllText(_path).Split(' ', 2) is [var boot, var name] && boot == BootId()
                && Enum.TryParse<KvmProbeResult>(name.Trim(), out var result) && Enum.IsDefined(result)
                ? result
                : null;
        }
        catch (Exception exception) when (exception is IOException or UnauthorizedAccessException)
        {
            return null;
        }
    }

    public void Write(KvmProbeResult result)
    {
        try
        {
            Directory.CreateDirectory(Path.GetDirectoryName(_path)!);
            var temporary = $"{_path}.{Environment.ProcessId}";
            File.WriteAllText(temporary, $"{BootId()} {result}\n");
            File.Move(temporary, _path, overwrite: true);
        }
        catch (Exception exception) when (exception is IOException or UnauthorizedAccessException)
        {
            // A cache that cannot be written costs a millisecond next time.
        }
    }

    string BootId() => File.ReadAllText(bootIdPath).Trim();
}
