using System.Globalization;

namespace NitroEnclaves.Enclaves;

/// <summary>
/// Control groups that keep an enclave's processes within its memory, and to as many processes as Linux allows in a machine of that memory.
/// Where this user may make none, the enclave is not limited.
/// </summary>
sealed class ResourceGroup
{
    const string Prefix = "nitro-enclave-";
    const string Mount = "/sys/fs/cgroup";

    static readonly TimeSpan s_retry = TimeSpan.FromMilliseconds(5);
    const int MostRetries = 200;

    readonly List<string> _folders = [];

    ResourceGroup()
    {
    }

    /// <summary>Makes the groups and puts a process into them.</summary>
    /// <param name="enclave">The enclave's id.</param>
    /// <param name="memoryMiB">The most memory in MiB.</param>
    /// <param name="process">The process.</param>
    /// <returns>Null where there is no group that this user may make.</returns>
    public static ResourceGroup? TryCreate(string enclave, ulong memoryMiB, int process)
    {
        var group = new ResourceGroup();
        var name = string.Create(CultureInfo.InvariantCulture, $"{Prefix}{enclave}-{Environment.ProcessId}");
        // max_threads of kernel/fork.c: an eighth of the memory may be stacks, of 16 KiB each.
        var processes = ulong.Clamp(memoryMiB * 8, 256, 32768);
        var memory = memoryMiB << 20;
        foreach (var (version, folder, controllers) in Parents())
        {
            if (version == 2)
            {
                group.Add(folder, name, process, ("memory.max", memory), ("memory.swap.max", 0UL), ("pids.max", processes));
            }
            else if (controllers.Contains("memory"))
            {
                group.Add(folder, name, process, ("memory.limit_in_bytes", memory));
            }
            else if (controllers.Contains("pids"))
            {
                group.Add(folder, name, process, ("pids.max", processes));
            }
        }

        return group._folders.Count > 0 ? group : null;
    }

    /// <summary>Puts one more process into the groups; nothing happens where it is gone.</summary>
    public void Add(int process)
    {
        foreach (var folder in _folders)
        {
            try
            {
                File.WriteAllText(Path.Combine(folder, "cgroup.procs"), process.ToString(CultureInfo.InvariantCulture));
            }
            catch (Exception exception) when (exception is IOException or UnauthorizedAccessException)
            {
                // It has ended, or the enclave has, and the group with it.
            }
        }
    }

    /// <summary>Removes the groups, whose processes must have ended.</summary>
    public void Remove()
    {
        foreach (var folder in _folders)
        {
            // The kernel lets a process go from its group a moment after its end.
            for (var attempt = 0; attempt < MostRetries && !TryRemove(folder); attempt++)
            {
                Thread.Sleep(s_retry);
            }
        }

        _folders.Clear();
    }

    void Add(string parent, string name, int process, params ReadOnlySpan<(string File, ulong Value)> limits)
    {
        var folder = Path.Combine(parent, name);
        try
        {
            RemoveStale(parent);
            Directory.CreateDirectory(folder);
            _folders.Add(folder);
            foreach (var (file, value) in limits)
            {
                // A controller that is not handed down has no file.
                var path = Path.Combine(folder, file);
                if (File.Exists(path))
                {
                    File.WriteAllText(path, value.ToString(CultureInfo.InvariantCulture));
                }
            }

            File.WriteAllText(Path.Combine(folder, "cgroup.procs"), process.ToString(CultureInfo.InvariantCulture));
        }
        catch (Exception exception) when (exception is IOException or UnauthorizedAccessException)
        {
            if (_folders.Remove(folder))
            {
                TryRemove(folder);
            }
        }
    }

    // Groups of supervisors that were killed: their names say whose they were.
    static void RemoveStale(string parent)
    {
        foreach (var folder in Directory.EnumerateDirectories(parent, $"{Prefix}*"))
        {
            if (!Directory.Exists($"/proc/{folder[(folder.LastIndexOf('-') + 1)..]}"))
            {
                TryRemove(folder);
            }
        }
    }

    static bool TryRemove(string folder)
    {
        try
        {
            Directory.Delete(folder);
            return true;
        }
        catch (DirectoryNotFoundException)
        {
            return true;
        }
        catch (Exception exception) when (exception is IOException or UnauthorizedAccessException)
        {
            return false;
        }
    }

    // Lines of /proc/self/cgroup: number, controllers (none for version 2), path.
    static IEnumerable<(int Version, string Folder, string[] Controllers)> Parents()
    {
        foreach (var line in ReadLines("/proc/self/cgroup"))
        {
            if (line.Split(':', 3) is not [_, var controllers, var path])
            {
                continue;
            }

            var folder = controllers.Length == 0 ? Mount + path : $"{Mount}/{controllers}{path}";
            if (Directory.Exists(folder) && File.Exists(Path.Combine(folder, "cgroup.procs")))
            {
                yield return (controllers.Length == 0 ? 2 : 1, folder, controllers.Split(','));
            }
        }
    }

    static string[] ReadLines(string path)
    {
        try
        {
            return File.ReadAllLines(path);
        }
        catch (Exception exception) when (exception is IOException or UnauthorizedAccessException)
        {
            return [];
        }
    }
}
