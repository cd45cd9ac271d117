namespace NitroEnclaves.Nsm.Tests;

/// <summary>A software NSM that does not answer until it is released: a device that is stuck.</summary>
sealed class StalledTransport : INsmTransport, IDisposable
{
    readonly NsmModule _module = TestModule.Create();
    readonly ManualResetEventSlim _released = new();
    readonly SemaphoreSlim _entered = new(0);
    int _calls;

    public int Calls => Volatile.Read(ref _calls);

    public bool WasOnThreadPool { get; private set; }

    public int Exchange(ReadOnlySpan<byte> request, Span<byte> response)
    {
        WasOnThreadPool = Thread.CurrentThread.IsThreadPoolThread;
        Interlocked.Increment(ref _calls);
        _entered.Release();
        _released.Wait();
        return _module.Exchange(request, response);
    }

    /// <summary>Waits until a request has come in.</summary>
    public Task Entered(CancellationToken cancellationToken) => _entered.WaitAsync(cancellationToken);

    public void Release() => _released.Set();

    // Only opens the gate: a thread may still be about to pass it.
    public void Dispose() => _released.Set();
}
