namespace NitroEnclaves.Virtio;

public sealed unsafe partial class EventLoop
{
    readonly TimerHeap _timers = new();

    /// <summary>Makes a timer that is not set.</summary>
    /// <param name="callback">Called on the loop's thread each time it runs out.</param>
    public LoopTimer CreateTimer(Action callback) => new(this, callback);

    internal void SetTimer(LoopTimer timer, TimeSpan due)
    {
        CancelTimer(timer);

        // Rounded up, and in whole numbers: never early. Far off is as good as never.
        var units = ((Int128)due.Ticks * _time.TimestampFrequency + TimeSpan.TicksPerSecond - 1) / TimeSpan.TicksPerSecond;
        timer.Deadline = _time.GetTimestamp() + (long)Int128.Min(units, long.MaxValue / 4);
        _timers.Add(timer);
    }

    internal void CancelTimer(LoopTimer timer)
    {
        if (timer.IsSet)
        {
            _timers.Remove(timer);
        }
    }

    void RunTimers()
    {
        if (_timers.First is null)
        {
            return;
        }

        // One reading of the clock: a callback that sets its own timer to 0 comes again in the next turn, not in this one.
        var now = _time.GetTimestamp();
        while (!_stopping && _timers.First is { } timer && timer.Deadline <= now)
        {
            _timers.Remove(timer);
            timer.Callback();
        }
    }

    // Rounded up, so that the loop does not spin through a timer's last millisecond.
    int WaitMilliseconds()
    {
        if (HasPosted)
        {
            return 0;
        }

        if (_timers.First is not { } timer)
        {
            return -1;
        }

        var remaining = timer.Deadline - _time.GetTimestamp();
        return remaining <= 0 ? 0 : (int)Math.Min(Math.Ceiling(remaining * 1000.0 / _time.TimestampFrequency), int.MaxValue);
    }
}
