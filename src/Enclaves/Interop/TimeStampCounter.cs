using System.Diagnostics;
using System.Runtime.Intrinsics.X86;

namespace NitroEnclaves.Enclaves;

/// <summary>
/// The frequency of this machine's time stamp counter, which a guest's counter shares. .NET has no instruction for it, so ten bytes of
/// machine code read it.
/// </summary>
static unsafe class TimeStampCounter
{
    // CPUID leaf 0x40000010: hypervisors that have it give the frequency in kHz in EAX.
    const int HypervisorTimingLeaf = 0x40000010;
    const int HypervisorBaseLeaf = 0x40000000;
    const uint HypervisorPresent = 1u << 31;

    // Between 100 MHz and 20 GHz: anything else is a misreading.
    const uint LeastKilohertz = 100_000;
    const uint MostKilohertz = 20_000_000;

    static readonly TimeSpan s_span = TimeSpan.FromMilliseconds(20);
    static readonly Lazy<uint?> s_kilohertz = new(() => FromHypervisor() ?? Measure() ?? FromCpuInformation());

    // rdtsc; shl rdx, 32; or rax, rdx; ret
    static ReadOnlySpan<byte> ReadCode => [0x0f, 0x31, 0x48, 0xc1, 0xe2, 0x20, 0x48, 0x09, 0xd0, 0xc3];

    /// <summary>The frequency in kHz: what the hypervisor says, else what 20 ms of measuring gives; null when there is no way to know.</summary>
    public static uint? Kilohertz => s_kilohertz.Value;

    static uint? FromHypervisor()
    {
        if (!X86Base.IsSupported || ((uint)X86Base.CpuId(1, 0).Ecx & HypervisorPresent) == 0
            || (uint)X86Base.CpuId(HypervisorBaseLeaf, 0).Eax < HypervisorTimingLeaf)
        {
            return null;
        }

        return Plausible((uint)X86Base.CpuId(HypervisorTimingLeaf, 0).Eax);
    }

    static uint? Measure()
    {
        if (!X86Base.X64.IsSupported)
        {
            return null;
        }

        var size = (nuint)Environment.SystemPageSize;
        var page = Interop.mmap(null, size, Interop.PROT_READ | Interop.PROT_WRITE, Interop.MAP_PRIVATE | Interop.MAP_ANONYMOUS, -1, 0);
        if (page == Interop.MAP_FAILED)
        {
            return null;
        }

        try
        {
            // SAFETY: the page is ours and larger than the code; the code touches only registers that a call may change, and the page
            // stays mapped until after the last call.
            ReadCode.CopyTo(new Span<byte>(page, (int)size));
            return Interop.mprotect(page, size, Interop.PROT_READ | Interop.PROT_EXEC) == 0
                ? Measure((delegate* unmanaged<ulong>)page)
                : null;
        }
        finally
        {
            _ = Interop.munmap(page, size);
        }
    }

    static uint? Measure(delegate* unmanaged<ulong> read)
    {
        var first = Sample(read);
        Thread.Sleep(s_span);
        var last = Sample(read);
        var seconds = Stopwatch.GetElapsedTime(first.Time, last.Time).TotalSeconds;
        return Plausible((uint)((last.Counter - first.Counter) / seconds / 1000));
    }

    // Of several readings the one whose two clock readings are closest together: the others were interrupted.
    static (long Time, ulong Counter) Sample(delegate* unmanaged<ulong> read)
    {
        const int Readings = 16;
        var closest = long.MaxValue;
        var sample = (Time: 0L, Counter: 0UL);
        for (var reading = 0; reading < Readings; reading++)
        {
            var before = Stopwatch.GetTimestamp();
            var counter = read();
            var after = Stopwatch.GetTimestamp();
            if (after - before < closest)
            {
                closest = after - before;
                sample = (before + closest / 2, counter);
            }
        }

        return sample;
    }

    static uint? FromCpuInformation()
    {
        try
        {
            var line = File.ReadLines("/proc/cpuinfo").FirstOrDefault(line => line.StartsWith("cpu MHz", StringComparison.Ordinal));
            return double.TryParse(line?[(line.IndexOf(':', StringComparison.Ordinal) + 1)..], System.Globalization.CultureInfo.InvariantCulture, out var megahertz)
                ? Plausible((uint)(megahertz * 1000))
                : null;
        }
        catch (IOException)
        {
            return null;
        }
    }

    static uint? Plausible(uint kilohertz) => kilohertz is > LeastKilohertz and < MostKilohertz ? kilohertz : null;
}
