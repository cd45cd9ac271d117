namespace NitroEnclaves.Enclaves;

/// <summary>
/// The CPUs on which a process engine's enclave runs: those that were asked for, or as many as were asked for. It has CPUs of this machine, and
/// cannot have more of them than this process.
/// </summary>
static class EnclaveCpus
{
    /// <summary>Chooses them; enclaves that only named a number are spread over the machine by their CIDs.</summary>
    /// <exception cref="EnclaveException">
    /// There are not so many (<see cref="EnclaveFailure.InsufficientCpus"/>), or one is not there for us (<see cref="EnclaveFailure.NoSuchCpu"/>).
    /// </exception>
    public static IReadOnlyList<uint> Choose(EnclaveLaunch launch) => Choose(launch.CpuIds, launch.Cid, launch.VcpuCount, CpuAffinity.Get());

    /// <inheritdoc cref="Choose(EnclaveLaunch)"/>
    /// <param name="asked">The CPUs that were asked for; null where only a number was.</param>
    /// <param name="cid">The enclave's CID.</param>
    /// <param name="count">How many were asked for.</param>
    /// <param name="usable">The CPUs that this process may use, in order.</param>
    internal static IReadOnlyList<uint> Choose(IReadOnlyList<uint>? asked, uint cid, int count, IReadOnlyList<uint> usable)
    {
        if (asked is { } ids)
        {
            return ids.All(usable.Contains)
                ? ids
                : throw new EnclaveException(
                    EnclaveFailure.NoSuchCpu,
                    $"CPU {ids.First(id => !usable.Contains(id))} cannot be used: the process engine runs an enclave on CPUs of this machine, of which {string.Join(", ", usable)} may be used here.");
        }

        return count <= usable.Count
            ? [.. Enumerable.Range(0, count).Select(index => usable[(int)((cid + index) % usable.Count)])]
            : throw new EnclaveException(
                EnclaveFailure.InsufficientCpus,
                $"The process engine runs an enclave on CPUs of this machine, of which {usable.Count} may be used here; {count} were asked for.");
    }
}
