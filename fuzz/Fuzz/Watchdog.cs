namespace NitroEnclaves.Fuzz;

/// <summary>
/// Ends the program when one input takes longer than allowed: a loop that does not end cannot be ended otherwise. What counts is the
/// processor's time, because a machine with other work may leave this program waiting; for inputs that wait themselves, a multiple of it
/// on the clock.
/// </summary>
sealed class Watchdog : IDisposable
{
    const int ClockMultiple = 30;

    readonly TimeSpan _limit;
    readonly Action<byte[]> _report;
    readonly Timer _timer;
    byte[]? _input;
    long _started;
    long _used;

    public Watchdog(TimeSpan limit, Action<byte[]> report)
    {
        _limit = limit;
        _report = report;
        _timer = new Timer(_ => Look(), null, TimeSpan.FromSeconds(1), TimeSpan.FromSeconds(1));
    }

    public void Start(byte[] input)
    {
        Volatile.Write(ref _started, Environment.TickCount64);
        Volatile.Write(ref _used, -1);
        Volatile.Write(ref _input, input);
    }

    public void Stop() => Volatile.Write(ref _input, null);

    public void Dispose() => _timer.Dispose();

    // The processor's time is asked for only here, once a second: the first look at an input notes it, later ones compare.
    void Look()
    {
        if (Volatile.Read(ref _input) is not { } input)
        {
            return;
        }

        var now = (long)Environment.CpuUsage.TotalTime.TotalMilliseconds;
        var used = Volatile.Read(ref _used);
        if (used < 0)
        {
            Volatile.Write(ref _used, now);
        }
        else if (now - used > _limit.TotalMilliseconds
            || Environment.TickCount64 - Volatile.Read(ref _started) > _limit.TotalMilliseconds * ClockMultiple)
        {
            _report(input);
            Environment.Exit(1);
        }
    }
}
