using System.Runtime.InteropServices;

namespace NitroEnclaves.Enclaves;

/// <summary>On which CPUs the calling thread may run, and what it starts.</summary>
static unsafe class CpuAffinity
{
    const int BitsPerByte = 8;
    const int MostCpus = 8192;
    const int CallingThread = 0;

    /// <summary>The CPUs on which the calling thread may run, in order.</summary>
    public static IReadOnlyList<uint> Get()
    {
        // SAFETY: the kernel writes at most as many bytes as it is told.
        var mask = stackalloc byte[MostCpus / BitsPerByte];
        var bits = new Span<byte>(mask, MostCpus / BitsPerByte);
        bits.Clear();
        var ids = new List<uint>();
        if (Interop.sched_getaffinity(CallingThread, MostCpus / BitsPerByte, mask) == 0)
        {
            for (var id = 0; id < MostCpus; id++)
            {
                if ((bits[id / BitsPerByte] >> (id % BitsPerByte) & 1) != 0)
                {
                    ids.Add((uint)id);
                }
            }
        }

        return ids;
    }

    /// <summary>Binds the calling thread; null leaves it where it is.</summary>
    /// <exception cref="EnclaveException">None of the CPUs may be used (<see cref="EnclaveFailure.NoSuchCpu"/>).</exception>
    public static void Set(IReadOnlyList<uint>? ids)
    {
        if (ids is null)
        {
            return;
        }

        // SAFETY: the mask has a bit for every id that passes the check.
        var mask = stackalloc byte[MostCpus / BitsPerByte];
        new Span<byte>(mask, MostCpus / BitsPerByte).Clear();
        foreach (var id in ids.Where(id => id < MostCpus))
        {
            mask[id / BitsPerByte] |= (byte)(1 << (int)(id % BitsPerByte));
        }

        if (Interop.sched_setaffinity(CallingThread, MostCpus / BitsPerByte, mask) < 0)
        {
            throw new EnclaveException(
                EnclaveFailure.NoSuchCpu, $"The CPUs {string.Join(", ", ids)} cannot be used: {Marshal.GetLastPInvokeErrorMessage()}.");
        }
    }
}
