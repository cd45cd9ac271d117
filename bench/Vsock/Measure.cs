namespace NitroEnclaves.Vsock.Benchmarks;

/// <summary>What is measured.</summary>
/// <param name="name">As in tables.</param>
/// <param name="scale">From the measured value to the printed one.</param>
/// <param name="wanted">The ratio, ours to the peer's, that is asked for: at least where more is better, at most where less is.</param>
/// <param name="moreIsBetter">Whether a larger value is better.</param>
/// <param name="grain">Values below it count as nothing: they are what any process costs now and then.</param>
sealed class Measure(string name, double scale, double wanted, bool moreIsBetter, double grain = 0)
{
    internal string Name => name;

    internal double Scale => scale;

    internal double Wanted => wanted;

    internal bool MoreIsBetter => moreIsBetter;

    /// <summary>Ours to the peer's.</summary>
    internal double Ratio(double ours, double peer) =>
        ours == peer || (ours < grain && peer < grain) ? 1 : peer == 0 ? double.PositiveInfinity : ours / peer;

    internal static readonly Measure
        GuestToHost64 = new("guest to host, 64 KiB packets, MB/s", 1e-6, 1.3, true),
        GuestToHost64Cpu = new("  back end's CPU, s/GB", 1, 1, false),
        GuestToHost4 = new("guest to host, 4 KiB packets, MB/s", 1e-6, 1.3, true),
        GuestToHost4Cpu = new("  back end's CPU, s/GB", 1, 1, false),
        HostToGuest4 = new("host to guest, 4 KiB buffers, MB/s", 1e-6, 3, true),
        HostToGuest4Cpu = new("  back end's CPU, s/GB", 1, 1, false),
        HostToGuest64 = new("host to guest, 64 KiB buffers, MB/s", 1e-6, 1.3, true),
        HostToGuest64Cpu = new("  back end's CPU, s/GB", 1, 1, false),
        RoundTrip50 = new("64-byte round trip, p50, us", 1, 1, false),
        RoundTrip99 = new("64-byte round trip, p99, us", 1, 1, false),
        RoundTripCpu = new("  back end's CPU, us per round trip", 1, 1, false),
        Connects = new("connect and close per second, one at a time", 1, 1.3, true),
        Connects32 = new("connect and close per second, 32 in flight", 1, 1.3, true),
        HostConnects = new("CONNECT and close per second, from the host", 1, 1.3, true),
        Memory = new("memory with 9,900 connections, MB", 1e-6, 2, false),
        IdleCpu = new("CPU when idle, share of a core", 1, 1, false, grain: 0.005);

    internal static IReadOnlyList<Measure> All { get; } =
    [
        GuestToHost64, GuestToHost64Cpu, GuestToHost4, GuestToHost4Cpu, HostToGuest4, HostToGuest4Cpu, HostToGuest64, HostToGuest64Cpu,
        RoundTrip50, RoundTrip99, RoundTripCpu, Connects, Connects32, HostConnects, Memory, IdleCpu,
    ];
}
