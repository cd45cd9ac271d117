namespace NitroEnclaves.Fuzz;

/// <summary>Ends the program when one input takes longer than allowed: a loop that does not end cannot be ended otherwise.</summary>
sealed class Watchdog : IDisposable
{
    readonly TimeSpan _limit;
    readonly Action<byte[]> _report;
    readonly Timer _timer;
    byte[]? _input;
    long _started;

    public Watchdog(TimeSpan limit, Action<byte[]> report)
    {
        _limit = limit;
        _report = report;
        _timer = new Timer(_ => Look(), null, limit, TimeSpan.FromSeconds(1));
    }

    public void Start(byte[] input)
    {
        Volatile.Write(ref _started, Environment.TickCount64);
        Volatile.Write(ref _input, input);
    }

    public void Stop() => Volatile.Write(ref _input, null);

    public void Dispose() => _timer.Dispose();

    void Look()
    {
        if (Volatile.Read(ref _input) is { } input && Environment.TickCount64 - Volatile.Read(ref _started) > _limit.TotalMilliseconds)
        {
            _report(input);
            Environment.Exit(1);
        }
    }
}
