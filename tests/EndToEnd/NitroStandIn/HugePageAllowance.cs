using System.Globalization;

namespace NitroEnclaves.EndToEnd.Tests;

/// <summary>
/// Huge pages of 2 MiB that this machine sets aside for the time of a test, and takes back after it. There is one number for the whole
/// machine: whoever else wants to change it, in another run of these tests, waits.
/// </summary>
sealed class HugePageAllowance : IDisposable
{
    /// <summary>The collection of the tests that need some, one after the other.</summary>
    public const string Tests = "huge pages";

    const string Total = "/proc/sys/vm/nr_hugepages";
    const string Free = "/sys/kernel/mm/hugepages/hugepages-2048kB/free_hugepages";

    readonly FileStream _turn;
    readonly long _before = Read(Total);

    HugePageAllowance(FileStream turn, long count)
    {
        _turn = turn;
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

    /// <summary>Sets pages aside.</summary>
    /// <param name="count">How many more than the machine has set aside.</param>
    public static async Task<HugePageAllowance> TakeAsync(long count)
    {
        FileStream? turn;
        while ((turn = TryTakeTurn()) is null)
        {
            await Task.Delay(100, TestContext.Current.CancellationToken);
        }

        return new HugePageAllowance(turn, count);
    }

    public void Dispose()
    {
        Write(_before);
        _turn.Dispose();
    }

    static FileStream? TryTakeTurn()
    {
        const int WouldBlock = 11;
        try
        {
            return new FileStream(Checkout.InCache("huge-pages.lock"), FileMode.OpenOrCreate, FileAccess.ReadWrite, FileShare.None);
        }
        catch (IOException exception) when (exception.HResult == WouldBlock)
        {
            return null;
        }
    }

    static long Read(string path) => long.Parse(File.ReadAllText(path), CultureInfo.InvariantCulture);

    static void Write(long count) => File.WriteAllText(Total, count.ToString(CultureInfo.InvariantCulture));
}
