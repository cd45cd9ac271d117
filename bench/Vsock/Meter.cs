using System.Diagnostics;

namespace NitroEnclaves.Vsock.Benchmarks;

/// <summary>A window: what was done in it, and what it cost the back end. The first quarter of its length comes before it and warms up.</summary>
sealed class Meter
{
    readonly BackendProcess _backend;
    readonly Func<long> _count;
    readonly long _start;
    long _begin;
    long _before;
    double _cpuBefore;
    long _done;
    double _seconds;
    double _cpu;

    internal Meter(BackendProcess backend, Func<long> count, TimeSpan window)
    {
        _backend = backend;
        _count = count;
        _start = Stopwatch.GetTimestamp() + (long)(window.TotalSeconds / 4 * Stopwatch.Frequency);
        End = _start + (long)(window.TotalSeconds * Stopwatch.Frequency);
    }

    /// <summary>When the window ends.</summary>
    internal long End { get; }

    /// <summary>Whether the window goes on. To be asked again and again.</summary>
    internal bool IsRunning
    {
        get
        {
            var now = Stopwatch.GetTimestamp();
            if (_begin == 0 && now >= _start)
            {
                (_before, _cpuBefore, _begin) = (_count(), _backend.CpuSeconds, Stopwatch.GetTimestamp());
            }

            if (now < End)
            {
                return true;
            }

            Finish();
            return false;
        }
    }

    /// <summary>What was done per second.</summary>
    internal double PerSecond
    {
        get
        {
            Finish();
            return _done / _seconds;
        }
    }

    /// <summary>Tells throughput in bytes per second, and CPU seconds per 10^9 bytes.</summary>
    internal void Report(Measure throughput, Measure cpu, Action<Measure, double> add)
    {
        add(throughput, PerSecond);
        add(cpu, _cpu / (_done / 1e9));
    }

    void Finish()
    {
        if (_seconds == 0)
        {
            _seconds = Stopwatch.GetElapsedTime(_begin).TotalSeconds;
            _done = _count() - _before;
            _cpu = _backend.CpuSeconds - _cpuBefore;
        }
    }
}
