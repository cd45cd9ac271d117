using System.Globalization;
using System.Text;

namespace NitroEnclaves.Enclaves;

/// <summary>Lists of CPUs in the kernel's form, for example <c>1-3,8</c> (Documentation/core-api/cpumask "cpulist").</summary>
public static class CpuList
{
    /// <summary>The highest CPU number that is read: beyond what Linux can be built for (CONFIG_NR_CPUS is at most 8192).</summary>
    public const uint MaximumCpu = 8191;

    /// <summary>Reads a list.</summary>
    /// <param name="text">Numbers and intervals between commas; spaces around them and an empty list are accepted.</param>
    /// <returns>The CPUs, ascending, each once.</returns>
    /// <exception cref="EnclaveException">
    /// Something is no number (<see cref="EnclaveFailure.MalformedCpuId"/>, E23), or no interval, as <c>3-1</c> and <c>0-3-7</c> are none
    /// (<see cref="EnclaveFailure.MalformedCpuInterval"/>, E24).
    /// </exception>
    public static IReadOnlyList<uint> Parse(ReadOnlySpan<char> text)
    {
        var cpus = new SortedSet<uint>();
        text = text.Trim();
        if (text.IsEmpty)
        {
            return [];
        }

        foreach (var range in text.Split(','))
        {
            var item = text[range].Trim();
            var dash = item.IndexOf('-');
            var first = ParseCpu(dash < 0 ? item : item[..dash], item);
            var last = first;
            if (dash >= 0)
            {
                last = item[(dash + 1)..].Contains('-') ? throw Interval(item) : ParseCpu(item[(dash + 1)..], item);
            }

            if (last < first)
            {
                throw Interval(item);
            }

            for (var cpu = first; cpu <= last; cpu++)
            {
                cpus.Add(cpu);
            }
        }

        return [.. cpus];
    }

    /// <summary>Writes a list, with neighbours as intervals.</summary>
    /// <param name="cpus">The CPUs in any order.</param>
    public static string Format(IEnumerable<uint> cpus)
    {
        ArgumentNullException.ThrowIfNull(cpus);
        var text = new StringBuilder();
        uint? first = null, last = null;
        foreach (var cpu in cpus.Distinct().Order())
        {
            if (last is { } previous && cpu == previous + 1)
            {
                last = cpu;
                continue;
            }

            Append();
            (first, last) = (cpu, cpu);
        }

        Append();
        return text.ToString();

        void Append()
        {
            if (first is not null)
            {
                text.Append(text.Length == 0 ? "" : ",").Append(first).Append(last == first ? "" : $"-{last}");
            }
        }
    }

    static uint ParseCpu(ReadOnlySpan<char> text, ReadOnlySpan<char> item) =>
        uint.TryParse(text, NumberStyles.None, CultureInfo.InvariantCulture, out var cpu) && cpu <= MaximumCpu
            ? cpu
            : throw new EnclaveException(
                EnclaveFailure.MalformedCpuId, $"\"{item}\" in a list of CPUs is not a CPU number from 0 to {MaximumCpu}, nor an interval of such.");

    static EnclaveException Interval(ReadOnlySpan<char> item) =>
        new(EnclaveFailure.MalformedCpuInterval, $"\"{item}\" in a list of CPUs is not an interval like 2-5.");
}
