using BenchmarkDotNet.Attributes;

namespace NitroEnclaves.Virtio.Benchmarks;

/// <summary>What a turn of the loop costs, without waiting for another thread.</summary>
[MemoryDiagnoser]
public class EventLoopBenchmarks : IDisposable, IReadyHandler
{
    readonly EventLoop _loop = new();
    readonly EventSignal _signal = new();
    readonly LoopTimer _timer;
    readonly Action _nothing = () => { };
    EventRegistration? _registration;

    public EventLoopBenchmarks() => _timer = _loop.CreateTimer(_nothing);

    [GlobalSetup]
    public void Setup() => _registration = _loop.Register(_signal.Descriptor, ReadyEvents.Readable, this);

    [GlobalCleanup]
    public void Dispose()
    {
        _registration?.Dispose();
        _signal.Dispose();
        _loop.Dispose();
    }

    [Benchmark(Baseline = true, Description = "a turn with nothing to do")]
    public void Idle() => _loop.RunOnce();

    [Benchmark(Description = "an eventfd raised, reported and lowered")]
    public void Signal()
    {
        _signal.Raise();
        _loop.RunOnce();
    }

    [Benchmark(Description = "a timer set and run out")]
    public void Timer()
    {
        _timer.Set(TimeSpan.Zero);
        _loop.RunOnce();
    }

    public void OnReady(ReadyEvents events) => _signal.Lower();
}
