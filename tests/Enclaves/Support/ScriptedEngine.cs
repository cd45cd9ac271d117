using System.Net.Sockets;
using System.Threading.Channels;

namespace NitroEnclaves.Enclaves.Tests;

/// <summary>An engine whose enclave is the test: it reports, prints and ends as the test says. What it runs is a real child process.</summary>
sealed class ScriptedEngine : IEnclaveEngine
{
    readonly TaskCompletionSource<ScriptedRun> _started = new(TaskCreationOptions.RunContinuationsAsynchronously);
    readonly Channel<ScriptedRun> _runs = Channel.CreateUnbounded<ScriptedRun>();

    public string Name => "scripted";

    public bool HasNsm { get; set; }

    /// <summary>What happens while an enclave is being started.</summary>
    public Action? Starting { get; set; }

    /// <summary>Completes when the enclave was started for the first time.</summary>
    public Task<ScriptedRun> Started => _started.Task;

    /// <summary>Slots that somebody else gives, as on Nitro; empty where any will do.</summary>
    public Queue<ulong> Slots { get; } = new();

    /// <summary>The next start, the first one included.</summary>
    public ValueTask<ScriptedRun> NextAsync(CancellationToken cancellationToken) => _runs.Reader.ReadAsync(cancellationToken);

    public ulong? Reserve(EnclaveOptions options) => Slots.TryDequeue(out var slot) ? slot : null;

    public EngineAvailability Probe() => new(Name, true, "The test runs it.");

    public Task<IRunningEnclave> StartAsync(EnclaveLaunch launch, CancellationToken cancellationToken = default)
    {
        Starting?.Invoke();
        var run = new ScriptedRun(launch);
        _started.TrySetResult(run);
        _runs.Writer.TryWrite(run);
        return Task.FromResult<IRunningEnclave>(run);
    }
}

sealed class ScriptedRun : IRunningEnclave
{
    readonly Channel<Stream> _connections = Channel.CreateUnbounded<Stream>();
    readonly TaskCompletionSource<EngineExit> _scripted = new(TaskCreationOptions.RunContinuationsAsynchronously);
    readonly ChildProcess _child = ChildProcess.Start(new ChildProcessStart { FileName = "/bin/sleep", Arguments = ["1000"] });

    public ScriptedRun(EnclaveLaunch launch)
    {
        Launch = launch;
        Ended = WatchAsync();
    }

    public EnclaveLaunch Launch { get; }

    public Task<EngineExit> Ended { get; }

    public int ChildId => _child.Id;

    public ValueTask<Stream> AcceptReportAsync(CancellationToken cancellationToken) => _connections.Reader.ReadAsync(cancellationToken);

    /// <summary>Sends bytes to the parent's port 9000 as the guest would.</summary>
    public void Report(params ReadOnlySpan<byte> bytes)
    {
        using var pair = SocketPair.Create();
        _connections.Writer.TryWrite(new NetworkStream(new Socket(pair.TakeTheirs()), ownsSocket: true));
        using var guest = pair.TakeStream();
        guest.Write(bytes);
        if (bytes is [EnclaveReports.Heartbeat])
        {
            Assert.Equal(EnclaveReports.Heartbeat, guest.ReadByte());
        }
    }

    /// <summary>Ends the enclave as its engine would see it.</summary>
    public void End(bool failure, string explanation)
    {
        _scripted.TrySetResult(new EngineExit(failure, explanation));
        _child.Signal(Interop.SIGKILL);
    }

    public async ValueTask DisposeAsync() => await _child.EndAsync(TimeSpan.Zero);

    async Task<EngineExit> WatchAsync()
    {
        var exit = await _child.Exit;
        return _scripted.Task.IsCompleted ? await _scripted.Task : new EngineExit(true, $"the child ended with {exit}");
    }
}
