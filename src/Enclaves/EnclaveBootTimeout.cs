namespace NitroEnclaves.Enclaves;

/// <summary>How long an enclave may take from its start to its heartbeat: nitro-cli's rule (eif-and-nitro-cli 3.6).</summary>
public static class EnclaveBootTimeout
{
    const ulong GiB = 1UL << 30;
    const ulong MiB = 1UL << 20;
    const ulong Most = 24 * 60;
    static readonly TimeSpan s_unit = TimeSpan.FromSeconds(90);

    /// <summary>
    /// 90 s for each begun 6 GiB of image and 90 s for each begun 100 GiB of memory, so 180 s at least. Sizes without any sense
    /// end at 36 hours.
    /// </summary>
    /// <param name="imageLength">The image's length in bytes.</param>
    /// <param name="memoryMiB">The enclave's memory in MiB.</param>
    public static TimeSpan For(long imageLength, ulong memoryMiB)
    {
        var imageUnits = 1 + ((ulong)long.Max(imageLength, 1) - 1) / (6 * GiB);
        var memoryUnits = 1 + (ulong.Max(ulong.Min(memoryMiB, ulong.MaxValue / MiB), 1) * MiB - 1) / (100 * GiB);
        return s_unit * ulong.Min(imageUnits + memoryUnits, Most);
    }
}
