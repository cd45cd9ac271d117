using Microsoft.Win32.SafeHandles;

namespace NitroEnclaves.EndToEnd.Tests;

/// <summary>The memory of the parent machine, as its QEMU maps it for the device.</summary>
sealed class GuestPhysicalMemory : IParentMemory
{
    readonly Lock _lock = new();
    readonly List<(ulong Address, ulong Size, SafeFileHandle File, ulong Offset)> _mappings = [];

    public void Map(ulong address, ulong size, SafeFileHandle? file, ulong offset)
    {
        // What comes without a file is firmware, of which no enclave is made.
        if (file is not null)
        {
            lock (_lock)
            {
                _mappings.Add((address, size, file, offset));
            }
        }
    }

    public void Unmap(ulong address, ulong size)
    {
        lock (_lock)
        {
            _mappings.RemoveAll(mapping => mapping.Address >= address && mapping.Address + mapping.Size <= address + size);
        }
    }

    /// <inheritdoc/>
    public bool TryRead(ulong address, Span<byte> destination)
    {
        while (destination.Length > 0)
        {
            SafeFileHandle? file = null;
            ulong position = 0, available = 0;
            lock (_lock)
            {
                foreach (var mapping in _mappings.Where(mapping => address >= mapping.Address && address - mapping.Address < mapping.Size))
                {
                    (file, position, available) = (mapping.File, mapping.Offset + address - mapping.Address, mapping.Address + mapping.Size - address);
                }
            }

            if (file is null)
            {
                return false;
            }

            var count = RandomAccess.Read(file, destination[..(int)Math.Min(available, (ulong)destination.Length)], (long)position);
            if (count == 0)
            {
                return false;
            }

            destination = destination[count..];
            address += (ulong)count;
        }

        return true;
    }
}
