using System.Globalization;

namespace NitroEnclaves.Enclaves;

/// <summary>
/// Control groups that keep an enclave's processes within its memory, and to as many processes as Linux allows in a machine of that memory.
/// Where this user may make none, the enclave is not limited, which <see cref="Lack()"/> says.
/// </summary>
sealed class ResourceGroup
{
    const string Prefix = "nitro-enclave-";

    static readonly TimeSpan s_retry = TimeSpan.FromMilliseconds(5);
    const int MostRetries = 200;

    readonly List<string> _folders = [];

    ResourceGroup()
    {
    }

    /// <summary>What no group can limit here, in a sentence with what to do; null where all is limited.</summary>
    public static string? Lack() => Lack(ControlGroup.FindParents());

    internal static string? Lack(IReadOnlyList<ControlGroup> parents)
    {
        var lacking = (parents.Any(parent => parent.LimitsMemory), parents.Any(parent => parent.LimitsProcesses)) switch
        {
            (true, true) => null,
            (false, true) => "memory is",
            (true, false) => "number of processes is",
            _ => "memory and number of processes are",
        };
        return lacking is null ? null
            : $"An enclave's {lacking} not limited here: this user may make no control group for that (as root he may; with systemd also below systemd-run --user --scope).";
    }

    /// <summary>The most processes and threads in a machine of some memory: an eighth of it may be stacks, of 16 KiB each (max_threads of kernel/fork.c).</summary>
    public static ulong MostProcesses(ulong memoryMiB) => ulong.Clamp(memoryMiB * 8, 256, 32768);

    /// <summary>How often the kernel has killed a process of the groups because their memory was full.</summary>
    public int OutOfMemoryKills => _folders.Sum(folder => Math.Max(ReadKills(folder, "memory.events"), ReadKills(folder, "memory.oom_control")));

    /// <summary>Makes the groups and puts a process into them.</summary>
    /// <param name="enclave">The enclave's id.</param>
    /// <param name="memoryMiB">The most memory in MiB.</param>
    /// <param name="process">The process.</param>
    /// <returns>Null where there is no group that this user may make.</returns>
    public static ResourceGroup? TryCreate(string enclave, ulong memoryMiB, int process)
    {
        var group = new ResourceGroup();
        var name = string.Create(CultureInfo.InvariantCulture, $"{Prefix}{enclave}-{Environment.ProcessId}");
        var processes = MostProcesses(memoryMiB);
        var memory = memoryMiB << 20;
        foreach (var parent in ControlGroup.FindParents())
        {
            if (parent.Version == 2)
            {
                group.Add(parent.Folder, name, process, ("memory.max", memory), ("memory.swap.max", 0UL), ("pids.max", processes));
            }
            else if (parent.LimitsMemory)
            {
                group.Add(parent.Folder, name, process, ("memory.limit_in_bytes", memory), ("memory.memsw.limit_in_bytes", memory));
            }
            else
            {
                group.Add(parent.Folder, name, process, ("pids.max", processes));
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
                // A controller that is not handed down has no file, nor has swap where the kernel does not count it.
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

    // Lines of a name and a number each.
    static int ReadKills(string folder, string file)
    {
        try
        {
            var line = File.ReadLines(Path.Combine(folder, file)).FirstOrDefault(line => line.StartsWith("oom_kill ", StringComparison.Ordinal));
            return line is not null && int.TryParse(line.AsSpan("oom_kill ".Length), CultureInfo.InvariantCulture, out var kills) ? kills : 0;
        }
        catch (Exception exception) when (exception is IOException or UnauthorizedAccessException)
        {
            return 0;
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
}
