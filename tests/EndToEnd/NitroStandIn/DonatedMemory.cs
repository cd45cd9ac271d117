using System.Collections.Concurrent;
using NitroEnclaves.Enclaves;

namespace NitroEnclaves.EndToEnd.Tests;

/// <summary>
/// The memory of this machine that programs have shown to the driver, by physical address. It is read through the process that has it mapped:
/// the real driver keeps the pages, here the memory of a process that is gone is gone.
/// </summary>
sealed class DonatedMemory : IParentMemory
{
    readonly ConcurrentDictionary<ulong, (ulong Size, int Process, ulong Address)> _pages = new();

    /// <summary>Says where a page can be read.</summary>
    public void Map(ulong physical, ulong size, int process, ulong address) => _pages[physical] = (size, process, address);

    /// <inheritdoc/>
    public bool TryRead(ulong address, Span<byte> destination)
    {
        while (destination.Length > 0)
        {
            // All that enclaves get are pages of hugetlbfs, which begin where their size says.
            var found = _pages.FirstOrDefault(page => address >= page.Key && address - page.Key < page.Value.Size);
            var (size, process, start) = found.Value;
            if (size == 0)
            {
                return false;
            }

            var offset = address - found.Key;
            var part = destination[..(int)Math.Min(size - offset, (ulong)destination.Length)];
            if (!TargetProcess.TryRead(process, start + offset, part))
            {
                return false;
            }

            destination = destination[part.Length..];
            address += (ulong)part.Length;
        }

        return true;
    }
}
