namespace NitroEnclaves.Enclaves;

/// <summary>An enclave that the hypervisor runs.</summary>
sealed class NitroEnclave : IRunningEnclave
{
    readonly NitroSlot _slot;
    readonly EnclaveMemory _memory;
    readonly HeartbeatPort _heartbeat;
    readonly CancellationTokenSource _disposing = new();
    readonly Task _console;
    readonly Lock _lock = new();
    Task? _disposal;

    /// <summary>Watches over an enclave that was started.</summary>
    /// <param name="slot">The driver's side of it; owned from now on, as memory and heartbeat are.</param>
    /// <param name="memory">What it was given.</param>
    /// <param name="heartbeat">Where it reports.</param>
    /// <param name="console">Where its console is read; null where it has none.</param>
    /// <param name="launch">What was started.</param>
    /// <param name="cpuIds">The CPUs that it got.</param>
    public NitroEnclave(NitroSlot slot, EnclaveMemory memory, HeartbeatPort heartbeat, NitroParent? console, EnclaveLaunch launch, IReadOnlyList<uint> cpuIds)
    {
        (_slot, _memory, _heartbeat, CpuIds) = (slot, memory, heartbeat, cpuIds);
        _console = console is null ? Task.CompletedTask : NitroConsole.CopyAsync(console.Connector, launch.Cid, launch.ConsoleOutput, console.Time, _disposing.Token);
        Ended = WatchAsync();
    }

    public Task<EngineExit> Ended { get; }

    public IReadOnlyList<uint>? CpuIds { get; }

    public ulong? MemoryMiB => _memory.Length >> 20;

    public ValueTask<Stream> AcceptReportAsync(CancellationToken cancellationToken) => _heartbeat.AcceptAsync(cancellationToken);

    public ValueTask DisposeAsync()
    {
        lock (_lock)
        {
            return new ValueTask(_disposal ??= EndAsync());
        }
    }

    async Task EndAsync()
    {
        _slot.Dispose();
        await Ended.ConfigureAwait(false);
        await _disposing.CancelAsync().ConfigureAwait(false);
        await _console.ConfigureAwait(false);
        await _heartbeat.DisposeAsync().ConfigureAwait(false);
        // Last: the driver has let go of it.
        _memory.Dispose();
        _disposing.Dispose();
    }

    async Task<EngineExit> WatchAsync()
    {
        await _slot.HungUp.ConfigureAwait(false);
        // The hypervisor closes the console at the end of the enclave; what it still holds is read before.
        await Task.WhenAny(_console, Task.Delay(TimeSpan.FromSeconds(1))).ConfigureAwait(false);
        return new EngineExit(false, "The hypervisor has ended the enclave, or it ended itself.");
    }
}
