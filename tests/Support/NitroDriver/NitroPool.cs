namespace NitroEnclaves.Tests;

/// <summary>The parameter <c>ne_cpus</c> of the driver: CPUs of whole cores that enclaves may have.</summary>
/// <param name="Cpus">The CPUs.</param>
/// <param name="CpuCount">All of the parent's.</param>
/// <param name="ThreadsPerCore">How many CPUs a core has.</param>
/// <param name="CoreOf">The number of a CPU's core, from 0 on.</param>
/// <param name="Node">The NUMA node on which they are.</param>
sealed record NitroPool(IReadOnlyList<uint> Cpus, uint CpuCount, uint ThreadsPerCore, Func<uint, uint> CoreOf, int Node)
{
    /// <summary>How many cores the parent has.</summary>
    public uint CoreCount => CpuCount / ThreadsPerCore;
}
