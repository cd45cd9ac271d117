using System.Runtime.InteropServices;

namespace NitroEnclaves.Enclaves;

/// <summary>On which CPUs the calling thread may run, and what it starts.</summary>
static unsafe class CpuAffinity
{
    const int BitsPerByte = 8;
    const int MostCpus = 8192;
    const int CallingThread = 0;

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
