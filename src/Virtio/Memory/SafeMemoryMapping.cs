using System.ComponentModel;
using System.Numerics;
using System.Runtime.InteropServices;
using Microsoft.Win32.SafeHandles;

namespace NitroEnclaves.Virtio;

/// <summary>Owns one shared mapping of a file and unmaps it exactly once.</summary>
sealed class SafeMemoryMapping : SafeHandleMinusOneIsInvalid
{
    nuint _length;

    /// <summary>An invalid handle, to be filled by <see cref="Map"/>.</summary>
    internal SafeMemoryMapping() : base(ownsHandle: true)
    {
    }

    /// <summary>Maps <paramref name="size"/> bytes of a regular file from <paramref name="offset"/>.</summary>
    /// <param name="file">The file.</param>
    /// <param name="offset">First byte, not necessarily at a page boundary.</param>
    /// <param name="size">Bytes, above 0.</param>
    /// <param name="start">Address of the byte at <paramref name="offset"/>.</param>
    /// <exception cref="VirtioException">
    /// <see cref="VirtioFault.MemoryRegionBounds"/> or <see cref="VirtioFault.MemoryRegionNotMappable"/>.
    /// </exception>
    internal static SafeMemoryMapping Map(SafeHandle file, ulong offset, ulong size, out nint start)
    {
        const uint Wanted = Interop.Stat.STATX_TYPE | Interop.Stat.STATX_SIZE;
        if (Interop.Stat.statx(file, "", Interop.Stat.AT_EMPTY_PATH, Wanted, out var status) != 0)
        {
            throw NotMappable("cannot be examined");
        }

        if ((status.stx_mode & Interop.Stat.S_IFMT) != Interop.Stat.S_IFREG)
        {
            throw new VirtioException(VirtioFault.MemoryRegionNotMappable, "A memory region's descriptor is not a regular file.");
        }

        // Pages behind the end of a file can be mapped, but touching one kills the process (SIGBUS).
        if (offset > status.stx_size || size > status.stx_size - offset)
        {
            throw new VirtioException(VirtioFault.MemoryRegionBounds,
                $"A memory region of 0x{size:x} bytes at offset 0x{offset:x} does not fit into its file of 0x{status.stx_size:x} bytes.");
        }

        // A region may begin inside a (huge) page: map from the page's beginning and to the last page's end.
        var page = (ulong)Environment.SystemPageSize;
        if (BitOperations.IsPow2(status.stx_blksize))
        {
            page = Math.Max(page, status.stx_blksize);
        }

        var skipped = offset & (page - 1);
        var mapped = (skipped + size + page - 1) & ~(page - 1);
        var mapping = new SafeMemoryMapping { _length = (nuint)mapped };
        const int Access = Interop.Mman.PROT_READ | Interop.Mman.PROT_WRITE;
        mapping.SetHandle(Interop.Mman.mmap(0, (nuint)mapped, Access, Interop.Mman.MAP_SHARED, file, (long)(offset - skipped)));
        if (mapping.IsInvalid)
        {
            throw NotMappable("cannot be mapped");
        }

        start = mapping.handle + (nint)skipped;
        return mapping;
    }

    /// <inheritdoc/>
    protected override bool ReleaseHandle() => Interop.Mman.munmap(handle, _length) == 0;

    static VirtioException NotMappable(string what)
    {
        var error = new Win32Exception(Marshal.GetLastPInvokeError());
        return new VirtioException(VirtioFault.MemoryRegionNotMappable, $"A memory region's file {what}: {error.Message}.", error);
    }
}
