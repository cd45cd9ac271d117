namespace NitroEnclaves.Tests;

/// <summary>The pages of the process that calls the driver.</summary>
interface IParentPages
{
    /// <summary>The page at an address, a multiple of 2 MiB; null where there is none.</summary>
    ParentPage? At(ulong address);
}

/// <summary>A page of memory.</summary>
/// <param name="IsHuge">Whether it is one of hugetlbfs.</param>
/// <param name="Size">Its size in bytes.</param>
/// <param name="Node">The NUMA node on which it is.</param>
/// <param name="Physical">Its address in the parent's memory.</param>
readonly record struct ParentPage(bool IsHuge, ulong Size, int Node, ulong Physical);
