namespace NitroEnclaves.Enclaves;

/// <summary>The CPUs on which a process engine's enclave runs: those that were asked for, or as many as were asked for.</summary>
static class EnclaveCpus
{
    /// <summary>Chooses them; enclaves that only named a number are spread over the machine by their CIDs.</summary>
    /// <returns>Null where every CPU of the machine may be used.</returns>
    public static IReadOnlyList<uint>? Choose(EnclaveLaunch launch) => launch.CpuIds ?? Choose(launch.Cid, launch.VcpuCount, Environment.ProcessorCount);

    internal static IReadOnlyList<uint>? Choose(uint cid, int count, int machine) => count >= machine
        ? null
        : [.. Enumerable.Range(0, count).Select(index => (uint)((cid + index) % machine))];
}
