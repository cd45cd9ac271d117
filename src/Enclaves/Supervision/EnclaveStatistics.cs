namespace NitroEnclaves.Enclaves;

/// <summary>What an enclave has done so far, as far as its engine sees it: a real enclave's NSM and vsock are the hypervisor's.</summary>
public sealed record EnclaveStatistics
{
    /// <summary>Requests to the emulated NSM, by operation ("GetRandom", ...), over all runs; those that make no sense are "Malformed".</summary>
    public required IReadOnlyDictionary<string, long> NsmRequests { get; init; }

    /// <summary>Payload bytes over the emulated vsock in this run; null where the engine does not see them.</summary>
    public VsockTraffic? Vsock { get; init; }
}
