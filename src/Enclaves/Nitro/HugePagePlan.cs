namespace NitroEnclaves.Enclaves;

/// <summary>Which huge pages an enclave's memory is made of (eif-and-nitro-cli 3.6).</summary>
static class HugePagePlan
{
    /// <summary>
    /// Chooses pages: the largest first, as many as fit into the request, so that a request of 256 MiB takes no page of 1 GiB while
    /// smaller ones are free. Only where small ones run out a larger one covers what is left, and then makes small ones unnecessary.
    /// </summary>
    /// <param name="bytes">How much memory at least.</param>
    /// <param name="free">What is free, of each size once.</param>
    /// <returns>The size of each page, largest first; null where there is not enough.</returns>
    public static IReadOnlyList<ulong>? Choose(ulong bytes, IReadOnlyList<HugePages> free)
    {
        var sizes = free.Where(pages => pages is { Size: > 0, Count: > 0 }).OrderByDescending(pages => pages.Size).ToArray();
        var taken = new ulong[sizes.Length];
        var missing = bytes;
        for (var i = 0; i < sizes.Length; i++)
        {
            taken[i] = Math.Min(missing / sizes[i].Size, sizes[i].Count);
            missing -= taken[i] * sizes[i].Size;
        }

        if (missing > 0)
        {
            var cover = Array.FindLastIndex(sizes, pages => pages.Size >= missing && taken[Array.IndexOf(sizes, pages)] < pages.Count);
            if (cover < 0)
            {
                return null;
            }

            taken[cover]++;
            GiveBack(sizes, taken, sizes[cover].Size - missing);
        }

        return [.. sizes.SelectMany((pages, i) => Enumerable.Repeat(pages.Size, (int)taken[i]))];
    }

    // From the smallest up, as that is what the covering page replaces.
    static void GiveBack(HugePages[] sizes, ulong[] taken, ulong surplus)
    {
        for (var i = sizes.Length - 1; i >= 0; i--)
        {
            var superfluous = Math.Min(surplus / sizes[i].Size, taken[i]);
            taken[i] -= superfluous;
            surplus -= superfluous * sizes[i].Size;
        }
    }
}
