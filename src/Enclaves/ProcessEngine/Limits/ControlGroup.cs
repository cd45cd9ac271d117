namespace NitroEnclaves.Enclaves;

/// <summary>A control group of this machine below which this user may make others.</summary>
/// <param name="Folder">Its folder below <c>/sys/fs/cgroup</c>.</param>
/// <param name="Version">1 or 2.</param>
/// <param name="LimitsMemory">Whether groups below it can limit memory.</param>
/// <param name="LimitsProcesses">Whether groups below it can limit the number of processes.</param>
sealed record ControlGroup(string Folder, int Version, bool LimitsMemory, bool LimitsProcesses)
{
    const string Mount = "/sys/fs/cgroup";
    const string Membership = "/proc/self/cgroup";
    const int Writable = 2;

    /// <summary>
    /// The groups in which an enclave's can be made. Of version 1, this process's own, one for each controller; of version 2 the nearest around this process
    /// that hands controllers down, which one with processes of its own never does, so that the enclave's becomes a neighbour of ours.
    /// </summary>
    public static IReadOnlyList<ControlGroup> FindParents() => FindParents(Mount, Membership);

    /// <inheritdoc cref="FindParents()"/>
    /// <param name="mount">Where the control groups are mounted: version 2, or a folder for each controller of version 1.</param>
    /// <param name="membership">This process's groups, a line each: number, controllers (none for version 2), path.</param>
    internal static IReadOnlyList<ControlGroup> FindParents(string mount, string membership)
    {
        var parents = new List<ControlGroup>();
        foreach (var line in ReadLines(membership))
        {
            if (line.Split(':', 3) is not [_, var names, var path] || path.Contains("..", StringComparison.Ordinal))
            {
                // A path through ".." leads to a group that is not mounted here, as in some containers.
                continue;
            }

            if ((names.Length == 0 ? FindUnified(mount, path) : FindOfController(mount, names, path)) is { } parent)
            {
                parents.Add(parent);
            }
        }

        return parents;
    }

    static ControlGroup? FindOfController(string mount, string names, string path)
    {
        var controllers = names.Split(',');
        var parent = new ControlGroup($"{mount}/{names}{path}", 1, controllers.Contains("memory"), controllers.Contains("pids"));
        return parent.IsUseful ? parent : null;
    }

    static ControlGroup? FindUnified(string mount, string path)
    {
        for (var rest = path.TrimEnd('/'); ; rest = rest[..rest.LastIndexOf('/')])
        {
            var folder = mount + rest;
            var controllers = ReadLines($"{folder}/cgroup.subtree_control").SelectMany(line => line.Split(' ')).ToArray();
            var parent = new ControlGroup(folder, 2, controllers.Contains("memory"), controllers.Contains("pids"));
            if (parent.IsUseful)
            {
                return parent;
            }

            if (rest.Length == 0)
            {
                return null;
            }
        }
    }

    // To move a process into a group of version 2, the group that both have in common must be writable as well: this one.
    bool IsUseful => (LimitsMemory || LimitsProcesses) && Interop.access(Folder, Writable) == 0 && Interop.access($"{Folder}/cgroup.procs", Writable) == 0;

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
