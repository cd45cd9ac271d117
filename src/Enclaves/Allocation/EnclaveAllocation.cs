namespace NitroEnclaves.Enclaves;

/// <summary>What the parent has set aside for enclaves, read back from the kernel.</summary>
/// <param name="Node">The NUMA node of the CPUs and the memory.</param>
/// <param name="CpuPool">The CPUs, ascending.</param>
/// <param name="Pages">The huge pages, largest first.</param>
public sealed record EnclaveAllocation(int Node, IReadOnlyList<uint> CpuPool, IReadOnlyList<HugePages> Pages)
{
    /// <summary>The memory in MiB.</summary>
    public ulong MemoryMiB => Pages.Aggregate(0UL, (sum, pages) => sum + (pages.Size >> 20) * pages.Count);
}
