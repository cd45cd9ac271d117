namespace NitroEnclaves.Enclaves;

/// <summary>The CIDs of emulated enclaves: from 16 up, unique in the registry (contracts, "CIDs").</summary>
static class CidAllocation
{
    public const uint First = 16;

    /// <summary>The CID that was asked for if it is free, or the lowest free one when none or 0 was asked for.</summary>
    /// <exception cref="EnclaveException">Another enclave has the CID (<see cref="EnclaveFailure.InvalidArgument"/>).</exception>
    public static uint Choose(ulong? requested, IReadOnlyList<EnclaveEntry> others)
    {
        if (requested is { } wanted and not 0)
        {
            return others.FirstOrDefault(other => other.Cid == wanted) is { } owner
                ? throw new EnclaveException(EnclaveFailure.InvalidArgument, $"CID {wanted} belongs to the running enclave {owner.Id}.")
                : (uint)wanted;
        }

        var cid = First;
        foreach (var taken in others.Select(other => other.Cid).Order())
        {
            cid = taken == cid ? cid + 1 : cid;
        }

        return cid;
    }
}
