using System.Globalization;
using NitroEnclaves.Enclaves;
using NitroEnclaves.Tests;

namespace NitroEnclaves.EndToEnd.Tests;

/// <summary>
/// The CPUs of a stand-in for a parent instance: cores of two neighbouring CPUs each, of which enclaves may have all but the first. Its files
/// are as those of <c>/sys</c>, for the programs in whose mount namespace they are mounted there.
/// </summary>
/// <param name="Cores">How many.</param>
/// <param name="Node">The NUMA node on which they are.</param>
sealed record ParentTopology(uint Cores, int Node = 0)
{
    const uint ThreadsPerCore = 2;

    /// <summary>What the driver has as its pool.</summary>
    public NitroPool Pool => new(
        [.. Enumerable.Range((int)ThreadsPerCore, (int)((Cores - 1) * ThreadsPerCore)).Select(cpu => (uint)cpu)], Cores * ThreadsPerCore, ThreadsPerCore,
        cpu => cpu / ThreadsPerCore, Node);

    /// <summary>Writes the files.</summary>
    /// <param name="modules">What becomes <c>/sys/module</c>.</param>
    /// <param name="cpus">What becomes <c>/sys/devices/system/cpu</c>.</param>
    public void Write(string modules, string cpus)
    {
        var parameters = Directory.CreateDirectory(Path.Combine(modules, "nitro_enclaves", "parameters")).FullName;
        File.WriteAllText(Path.Combine(parameters, "ne_cpus"), CpuList.Format(Pool.Cpus) + "\n");
        Directory.CreateDirectory(cpus);
        // The driver has taken the CPUs of its pool off-line; of others the kernel shows which belong together.
        File.WriteAllText(Path.Combine(cpus, "online"), "0-1\n");
        for (var cpu = 0; cpu < Cores * ThreadsPerCore; cpu++)
        {
            var folder = Path.Combine(cpus, string.Create(CultureInfo.InvariantCulture, $"cpu{cpu}"));
            Directory.CreateDirectory(Path.Combine(folder, string.Create(CultureInfo.InvariantCulture, $"node{Node}")));
        }

        for (var cpu = 0; cpu < ThreadsPerCore; cpu++)
        {
            var topology = Directory.CreateDirectory(Path.Combine(cpus, $"cpu{cpu}", "topology")).FullName;
            File.WriteAllText(Path.Combine(topology, "thread_siblings_list"), "0-1\n");
        }
    }
}
