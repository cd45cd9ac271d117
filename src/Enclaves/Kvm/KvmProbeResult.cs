namespace NitroEnclaves.Enclaves;

/// <summary>What became of the probe guest.</summary>
enum KvmProbeResult
{
    /// <summary>No virtual machine could be made.</summary>
    Unavailable,

    /// <summary>It ended without having done all its instructions.</summary>
    Incomplete,

    /// <summary>It did not end in time.</summary>
    Stuck,

    /// <summary>It did all its instructions.</summary>
    Passed,
}
