namespace NitroEnclaves.Enclaves;

/// <summary>Whether the machine's KVM can run enclaves.</summary>
/// <param name="IsUsable">True when the probe guest passed.</param>
/// <param name="Explanation">A sentence for people: why not, and what to do about it.</param>
sealed record KvmAvailability(bool IsUsable, string Explanation)
{
    const string Device = "/dev/kvm";

    static readonly Lazy<KvmAvailability> s_here = new(() => Find(Device, new KvmProbeCache(), KvmProbe.Run));

    /// <summary>The answer for this machine. The guest runs once per boot; later calls find its result in the cache folder.</summary>
    public static KvmAvailability OfThisMachine() => s_here.Value;

    internal static KvmAvailability Find(string device, KvmProbeCache cache, Func<KvmProbeResult> probe)
    {
        if (!File.Exists(device))
        {
            return new KvmAvailability(false, $"There is no {device} on this machine.");
        }

        if (Interop.access(device, Interop.R_OK | Interop.W_OK) != 0)
        {
            return new KvmAvailability(false, $"This user may not open {device}: membership in its group, usually kvm, gives that.");
        }

        var result = cache.Read();
        if (result is null)
        {
            cache.Write((result = probe()).Value);
        }

        return new KvmAvailability(result == KvmProbeResult.Passed, result switch
        {
            KvmProbeResult.Passed => $"{device} passed the probe guest.",
            KvmProbeResult.Incomplete => $"{device} is there, but its virtual machines do not execute all that a kernel needs (it may itself run in a virtual machine without nested virtualisation).",
            KvmProbeResult.Stuck => $"{device} is there, but its probe guest did not come to an end.",
            _ => $"{device} is there, but gives no virtual machine.",
        });
    }
}
