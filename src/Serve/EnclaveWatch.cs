using Microsoft.Extensions.Hosting;
using NitroEnclaves.Enclaves;

namespace NitroEnclaves.Serve;

/// <summary>
/// Looks at the registry again and again, whoever starts and ends enclaves there, and turns what changed into events and instruments.
/// </summary>
sealed class EnclaveWatch(EnclaveServerOptions options, EnclaveEvents events, EnclaveInstruments instruments) : BackgroundService
{
    const long MiB = 1 << 20;

    // Names that are remembered to tell restarts from starts.
    const int MostNames = 10_000;

    readonly Dictionary<string, ObservedEnclave> _running = [];
    readonly HashSet<string> _missing = [];
    readonly HashSet<string> _namesThatEnded = [];
    readonly CancellationTokenSource _stopping = new();
    readonly SemaphoreSlim _looking = new(1);

    /// <summary>Looks now; returns when what changed has been told.</summary>
    public async Task LookAsync(CancellationToken cancellationToken)
    {
        await _looking.WaitAsync(cancellationToken);
        try
        {
            var described = await options.Registry.DescribeAsync(cancellationToken: cancellationToken);
            foreach (var missing in _running.Keys.Except(described.Select(enclave => enclave.EnclaveId)).ToArray())
            {
                // The first time the news of its end may still be on the way.
                if (!_missing.Add(missing))
                {
                    End(_running[missing], "Unknown", "The enclave ended; its process did not say how.");
                }
            }

            foreach (var enclave in described.Where(enclave => !_running.ContainsKey(enclave.EnclaveId)))
            {
                Start(enclave);
            }

            instruments.Observe([.. _running.Values]);
        }
        catch (EnclaveException)
        {
            // The registry or an enclave's process does not answer now: the next look tells.
        }
        finally
        {
            _looking.Release();
        }
    }

    public override async Task StopAsync(CancellationToken cancellationToken)
    {
        await _stopping.CancelAsync();
        await base.StopAsync(cancellationToken);
    }

    public override void Dispose()
    {
        _stopping.Dispose();
        _looking.Dispose();
        base.Dispose();
    }

    protected override async Task ExecuteAsync(CancellationToken stoppingToken)
    {
        using var timer = new PeriodicTimer(options.Interval, options.TimeProvider);
        try
        {
            do
            {
                await LookAsync(stoppingToken);
            }
            while (await timer.WaitForNextTickAsync(stoppingToken));
        }
        catch (OperationCanceledException)
        {
            // The server ends.
        }
    }

    void Start(EnclaveDescription enclave)
    {
        var observed = new ObservedEnclave(enclave.EnclaveId, enclave.EnclaveName, enclave.Engine ?? "unknown", (long)enclave.MemoryMiB * MiB);
        _running.Add(observed.Id, observed);
        instruments.CountStart(observed.Engine, again: _namesThatEnded.Remove(observed.Name));
        events.Publish("started", options.TimeProvider.GetUtcNow(), observed.Id, observed.Name);
        _ = AwaitEndAsync(observed, _stopping.Token);
    }

    // The enclave's process says how it ended, where it lives to say it; if it was killed, the next look finds the enclave missing.
    async Task AwaitEndAsync(ObservedEnclave enclave, CancellationToken cancellationToken)
    {
        try
        {
            var end = await options.Registry.Connect(enclave.Id).WaitAsync(cancellationToken);
            await _looking.WaitAsync(cancellationToken);
            try
            {
                End(enclave, end.Kind.ToString(), end.Explanation);
                instruments.Observe([.. _running.Values]);
            }
            finally
            {
                _looking.Release();
            }
        }
        catch (Exception exception) when (exception is EnclaveException or OperationCanceledException or ObjectDisposedException)
        {
            // See above; or the server ends.
        }
    }

    void End(ObservedEnclave enclave, string kind, string explanation)
    {
        if (!_running.Remove(enclave.Id))
        {
            return;
        }

        _missing.Remove(enclave.Id);
        if (_namesThatEnded.Count >= MostNames)
        {
            _namesThatEnded.Clear();
        }

        _namesThatEnded.Add(enclave.Name);
        instruments.CountEnd(kind);
        events.Publish("ended", options.TimeProvider.GetUtcNow(), enclave.Id, enclave.Name, explanation);
    }
}
