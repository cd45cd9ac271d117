using System.Numerics;
using System.Runtime.InteropServices;

namespace NitroEnclaves.Enclaves;

/// <summary>One huge page of this process, to be given to an enclave. Closing it unmaps it; the driver keeps what it was given.</summary>
sealed unsafe class HugePageRegion : SafeHandle
{
    const int MPOL_BIND = 2;
    const int BitsPerWord = 64;

    internal HugePageRegion(void* address, ulong length)
        : base((nint)Interop.MAP_FAILED, ownsHandle: true)
    {
        SetHandle((nint)address);
        Length = length;
    }

    /// <summary>The page's size in bytes.</summary>
    public ulong Length { get; }

    /// <summary>The page's first byte.</summary>
    public nuint Address => (nuint)handle;

    public override bool IsInvalid => handle == (nint)Interop.MAP_FAILED;

    /// <summary>Takes a free huge page.</summary>
    /// <param name="size">Its size in bytes, a power of two.</param>
    /// <param name="node">The NUMA node that it has to be on.</param>
    /// <exception cref="EnclaveException">There is none (<see cref="EnclaveFailure.InsufficientMemoryAvailable"/>).</exception>
    public static HugePageRegion Map(ulong size, int node)
    {
        var flags = Interop.MAP_PRIVATE | Interop.MAP_ANONYMOUS | Interop.MAP_HUGETLB | (BitOperations.Log2(size) << Interop.MAP_HUGE_SHIFT);
        var address = Interop.mmap(null, (nuint)size, Interop.PROT_READ | Interop.PROT_WRITE, flags, -1, 0);
        var region = new HugePageRegion(address, size);
        if (region.IsInvalid)
        {
            throw Lacking();
        }

        // The kernel takes the page at the first touch, and by then has to know where: the driver refuses memory of another node than the
        // CPUs'. A kernel without NUMA has no such call, and one node.
        var mask = stackalloc ulong[16];
        new Span<ulong>(mask, 16).Clear();
        if (node < 16 * BitsPerWord)
        {
            mask[node / BitsPerWord] = 1UL << (node % BitsPerWord);
            Interop.mbind(address, (nuint)size, MPOL_BIND, mask, 16 * BitsPerWord + 1);
        }

        // Where another took the node's last page meanwhile that is an error here, and would be a signal that ends the process at the first touch.
        // Kernels before 5.14 do not know the advice.
        return Interop.madvise(address, (nuint)size, Interop.MADV_POPULATE_WRITE) == 0 || Marshal.GetLastPInvokeError() == Interop.Errno.EINVAL
            ? region
            : throw Lacking();

        EnclaveException Lacking()
        {
            var reason = Marshal.GetLastPInvokeErrorMessage();
            region.Dispose();
            return new EnclaveException(
                EnclaveFailure.InsufficientMemoryAvailable, $"A huge page of {size >> 20} MiB cannot be had: {reason}. Set more aside: nitro allocate.");
        }
    }

    /// <summary>Part of the page.</summary>
    /// <param name="offset">The first byte.</param>
    /// <param name="length">How many.</param>
    public Span<byte> Slice(ulong offset, int length)
    {
        ArgumentOutOfRangeException.ThrowIfGreaterThan(offset, Length);
        ArgumentOutOfRangeException.ThrowIfGreaterThan((ulong)length, Length - offset);
        // SAFETY: within the mapping, which lives as long as this object; the caller keeps it.
        return new Span<byte>((byte*)handle + offset, length);
    }

    protected override bool ReleaseHandle() => Interop.munmap((void*)handle, (nuint)Length) == 0;
}
