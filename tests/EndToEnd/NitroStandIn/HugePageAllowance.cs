using System.Globalization;

namespace NitroEnclaves.EndToEnd.Tests;

/// <summary>Huge pages of 2 MiB that this machine sets aside for the time of a test, and takes back after it.</summary>
sealed class HugePageAllowance : IDisposable
{
    const string Total = "/proc/sys/vm/nr_hugepages";
    const string Free = "/sys/kernel/mm/hugepages/hugepages-2048kB/free_hugepages";

    readonly long _before = Read(Total);

    /// <param name="count">How many more than the machine has set aside.</param>
    public HugePageAllowance(long count)
    {
        Write(_before + count);
        FreeAtFirst = Read(Free);
        if (Read(Total) < _before + count)
        {
            Dispose();
            Assert.Fail($"This machine has not got {count} huge pages of 2 MiB: its memory is too small, too fragmented, or {Total} is not to be written to here.");
        }
    }

    /// <summary>How many nobody used when they had been set aside.</summary>
    public long FreeAtFirst { get; }

    /// <summary>How many nobody uses now.</summary>
    public static long FreeNow => Read(Free);

    public void Dispose() => Write(_before);

    static long Read(string path) => long.Parse(File.ReadAllText(path), CultureInfo.InvariantCulture);

    static void Write(long count) => File.WriteAllText(Total, count.ToString(CultureInfo.InvariantCulture));
}
