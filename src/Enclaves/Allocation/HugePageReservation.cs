using System.Globalization;

namespace NitroEnclaves.Enclaves;

/// <summary>Huge pages of one size.</summary>
/// <param name="Size">The size of each in bytes, a power of two from 2 MiB up.</param>
/// <param name="Count">How many.</param>
public readonly record struct HugePages(ulong Size, ulong Count)
{
    /// <summary>The size in the words of the kernel's tables, for example <c>2 MiB</c> or <c>1 GiB</c>.</summary>
    public string SizeText => Size >= 1UL << 30 ? $"{Size >> 30} GiB" : Size >= 1UL << 20 ? $"{Size >> 20} MiB" : $"{Size >> 10} KiB";
}

/// <summary>
/// The huge pages of one NUMA node: how many of each size are set aside, and the setting of it. What a reservation replaced is put back when
/// it cannot be had whole (eif-and-nitro-cli 3.8).
/// </summary>
sealed class HugePageReservation
{
    // The driver's granularity: smaller huge pages (64 KiB on some ARM kernels) are refused by it.
    const ulong SmallestSize = 2UL << 20;

    readonly KernelFiles _files;
    readonly string _folder;
    readonly HugePages[] _previous;

    /// <summary>Reads what a node has now.</summary>
    /// <param name="files">The kernel's files.</param>
    /// <param name="node">The node's number.</param>
    /// <exception cref="EnclaveException">The node has no huge pages (<see cref="EnclaveFailure.InsufficientMemoryAvailable"/>).</exception>
    public HugePageReservation(KernelFiles files, int node)
    {
        _files = files;
        _folder = FolderOf(files, node);
        _previous = [.. SizesIn(files, _folder).Select(size => new HugePages(size, Total(size)))];
        if (_previous.Length == 0)
        {
            throw new EnclaveException(
                EnclaveFailure.InsufficientMemoryAvailable, $"NUMA node {node} offers no huge pages: the kernel is built or started without them.");
        }
    }

    /// <summary>What a node has that nobody uses, largest pages first.</summary>
    public static IReadOnlyList<HugePages> FreeOf(KernelFiles files, int node)
    {
        var folder = FolderOf(files, node);
        return [.. SizesIn(files, folder).Select(size => new HugePages(size, ReadNumber(files, folder, size, "free_hugepages")))];
    }

    /// <summary>
    /// Sets memory aside, and gives back what was before where it could not be had whole. The largest pages come first, as many as fit into
    /// the request; only the smallest size rounds up, so that a request of 256 MiB takes no page of 1 GiB.
    /// </summary>
    /// <param name="bytes">How much.</param>
    /// <returns>What is free for enclaves now: at least as much as was asked for.</returns>
    /// <exception cref="EnclaveException">The node has not got it (<see cref="EnclaveFailure.InsufficientMemoryAvailable"/>).</exception>
    public IReadOnlyList<HugePages> Reserve(ulong bytes)
    {
        var smallest = _previous[^1].Size;
        var remaining = (bytes + smallest - 1) / smallest * smallest;
        var reserved = new List<HugePages>();
        try
        {
            Clear();
            foreach (var (size, _) in _previous)
            {
                if (remaining / size is var wanted && wanted > 0 && Add(size, wanted) is var got && got > 0)
                {
                    reserved.Add(new HugePages(size, got));
                    remaining -= size * Math.Min(got, wanted);
                }
            }
        }
        catch (Exception exception) when (exception is IOException or UnauthorizedAccessException)
        {
            Restore();
            throw new EnclaveException(
                EnclaveFailure.InsufficientMemoryAvailable, $"The number of huge pages cannot be set under {_folder}: {exception.Message}", exception);
        }

        if (remaining > 0)
        {
            Restore();
            throw new EnclaveException(
                EnclaveFailure.InsufficientMemoryAvailable,
                $"{remaining >> 20} MiB of {bytes >> 20} are missing: the machine has not got as much unfragmented memory. Ask for less, or allocate right after a boot.");
        }

        return reserved;
    }

    /// <summary>Puts back what was set aside before. As good as it goes: pages in use cannot be taken away.</summary>
    public void Restore()
    {
        foreach (var clear in new[] { true, false })
        {
            foreach (var (size, count) in _previous)
            {
                try
                {
                    SetTotal(size, clear ? 0 : count);
                }
                catch (Exception exception) when (exception is IOException or UnauthorizedAccessException)
                {
                    // What failed to be set up may fail to be taken back: the first failure is the one that is reported.
                }
            }
        }
    }

    // First all sizes to nothing: the pages of one size are the memory that another's are made of.
    void Clear()
    {
        foreach (var (size, _) in _previous)
        {
            SetTotal(size, 0);
        }
    }

    // Pages that a program uses stay whatever is written, and no enclave gets them: they come on top and do not count.
    ulong Add(ulong size, ulong wanted)
    {
        var used = Total(size) - Free(size);
        SetTotal(size, used + wanted);
        return Free(size);
    }

    ulong Total(ulong size) => ReadNumber(size, "nr_hugepages");

    ulong Free(ulong size) => ReadNumber(size, "free_hugepages");

    ulong ReadNumber(ulong size, string name) => ReadNumber(_files, _folder, size, name);

    void SetTotal(ulong size, ulong count) => _files.Write($"{_folder}/{NameOf(size)}/nr_hugepages", count.ToString(CultureInfo.InvariantCulture));

    static ulong ReadNumber(KernelFiles files, string folder, ulong size, string name) =>
        ulong.TryParse(files.Read($"{folder}/{NameOf(size)}/{name}"), NumberStyles.None, CultureInfo.InvariantCulture, out var number) ? number : 0;

    static string FolderOf(KernelFiles files, int node)
    {
        var ofNode = $"/sys/devices/system/node/node{node}/hugepages";
        return files.Folders(ofNode).Count > 0 ? ofNode : "/sys/kernel/mm/hugepages";
    }

    static IEnumerable<ulong> SizesIn(KernelFiles files, string folder) =>
        files.Folders(folder).Select(SizeOf).Where(size => size >= SmallestSize).OrderDescending();

    static string NameOf(ulong size) => $"hugepages-{size >> 10}kB";

    static ulong SizeOf(string name) =>
        name.StartsWith("hugepages-", StringComparison.Ordinal) && name.EndsWith("kB", StringComparison.Ordinal) &&
        ulong.TryParse(name.AsSpan(10, name.Length - 12), NumberStyles.None, CultureInfo.InvariantCulture, out var kibibytes) && kibibytes < 1UL << 40
            ? kibibytes << 10
            : 0;
}
