using NitroEnclaves.Images;

namespace NitroEnclaves.Enclaves;

/// <summary>The memory that is given to an enclave: huge pages of the parent, in the order in which the enclave sees them.</summary>
sealed class EnclaveMemory : IDisposable
{
    const int CopySize = 1 << 20;

    readonly List<HugePageRegion> _regions = [];

    EnclaveMemory()
    {
    }

    /// <summary>The pages.</summary>
    public IReadOnlyList<HugePageRegion> Regions => _regions;

    /// <summary>All of it in bytes.</summary>
    public ulong Length => _regions.Aggregate(0UL, (sum, region) => sum + region.Length);

    /// <summary>Chooses pages, and takes none.</summary>
    /// <param name="bytes">How much memory at least.</param>
    /// <param name="free">The free huge pages of the node.</param>
    /// <returns>The size of each page, largest first.</returns>
    /// <exception cref="EnclaveException">There is not enough (<see cref="EnclaveFailure.InsufficientMemoryAvailable"/>).</exception>
    public static IReadOnlyList<ulong> Plan(ulong bytes, IReadOnlyList<HugePages> free) => HugePagePlan.Choose(bytes, free) ?? throw new EnclaveException(
        EnclaveFailure.InsufficientMemoryAvailable,
        $"{bytes >> 20} MiB were asked for, but the enclaves' NUMA node has {free.Aggregate(0UL, (sum, pages) => sum + pages.Size * pages.Count) >> 20} MiB of huge pages free. Ask for less, or set more aside: nitro allocate.");

    /// <summary>Takes pages.</summary>
    /// <param name="bytes">How much memory at least.</param>
    /// <param name="free">The free huge pages of the node.</param>
    /// <param name="map">Takes one page of a size.</param>
    /// <exception cref="EnclaveException">There is not enough (<see cref="EnclaveFailure.InsufficientMemoryAvailable"/>).</exception>
    public static EnclaveMemory Take(ulong bytes, IReadOnlyList<HugePages> free, Func<ulong, HugePageRegion> map)
    {
        var plan = Plan(bytes, free);
        var memory = new EnclaveMemory();
        try
        {
            foreach (var size in plan)
            {
                memory._regions.Add(map(size));
            }

            return memory;
        }
        catch
        {
            memory.Dispose();
            throw;
        }
    }

    /// <summary>Copies an image to where the driver wants it.</summary>
    /// <param name="image">The image.</param>
    /// <param name="offset">From the beginning of the memory, in bytes.</param>
    /// <param name="cancellationToken">Gives the copying up.</param>
    /// <exception cref="EnclaveException">It does not fit (<see cref="EnclaveFailure.MemoryOverflow"/>).</exception>
    /// <exception cref="IOException">The image cannot be read.</exception>
    public void Load(EifFile image, ulong offset, CancellationToken cancellationToken)
    {
        if (offset > Length || (ulong)image.Length > Length - offset)
        {
            throw new EnclaveException(
                EnclaveFailure.MemoryOverflow, $"The image of {image.Length} bytes does not fit into {Length >> 20} MiB of memory from byte {offset}. Ask for more with --memory.");
        }

        using var source = image.OpenRead();
        var start = 0UL;
        foreach (var region in _regions)
        {
            for (var within = Math.Max(offset, start) - start; within < region.Length;)
            {
                cancellationToken.ThrowIfCancellationRequested();
                var read = source.Read(region.Slice(within, (int)Math.Min(CopySize, region.Length - within)));
                if (read == 0)
                {
                    return;
                }

                within += (ulong)read;
            }

            start += region.Length;
        }
    }

    public void Dispose() => _regions.ForEach(static region => region.Dispose());
}
