using System.Globalization;

namespace NitroEnclaves.Enclaves;

/// <summary>A core of the parent: the CPUs (threads) that share it. Enclaves get whole cores only, and never CPU 0's.</summary>
/// <param name="Node">The NUMA node that it belongs to.</param>
/// <param name="Cpus">Its CPUs, ascending.</param>
sealed record CpuCore(int Node, IReadOnlyList<uint> Cpus)
{
    const string CpuFolder = "/sys/devices/system/cpu";

    /// <summary>Whether CPU 0, which the parent keeps, is one of its threads.</summary>
    public bool IsParents => Cpus.Contains(0u);

    /// <summary>The cores whose CPUs are all on-line: of others the kernel does not tell what belongs together.</summary>
    /// <exception cref="EnclaveException">The kernel's files make no sense.</exception>
    public static IReadOnlyList<CpuCore> ReadAll(KernelFiles files)
    {
        var cores = new SortedDictionary<uint, CpuCore>();
        foreach (var cpu in CpuList.Parse(files.Read($"{CpuFolder}/online")))
        {
            var siblings = CpuList.Parse(files.Read($"{CpuFolder}/cpu{cpu}/topology/thread_siblings_list"));
            if (siblings.Count > 0)
            {
                cores.TryAdd(siblings[0], new CpuCore(NodeOf(files, cpu), siblings));
            }
        }

        return [.. cores.Values];
    }

    /// <summary>The NUMA node of a CPU, on-line or not; 0 where the kernel knows no nodes.</summary>
    /// <exception cref="EnclaveException">There is no such CPU (<see cref="EnclaveFailure.NoSuchCpu"/>).</exception>
    public static int NodeOf(KernelFiles files, uint cpu)
    {
        var folders = files.Folders($"{CpuFolder}/cpu{cpu}");
        if (folders.Count == 0)
        {
            throw new EnclaveException(EnclaveFailure.NoSuchCpu, $"This machine has no CPU {cpu}.");
        }

        foreach (var name in folders)
        {
            if (name.StartsWith("node", StringComparison.Ordinal) && int.TryParse(name.AsSpan(4), NumberStyles.None, CultureInfo.InvariantCulture, out var node))
            {
                return node;
            }
        }

        return 0;
    }
}
