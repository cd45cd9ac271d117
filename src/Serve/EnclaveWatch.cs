using Microsoft.Extensions.Hosting;
using NitroEnclaves.Enclaves;

namespace NitroEnclaves.Serve;

/// <summary>
/// Looks at the registry again and again, whoever starts and ends enclaves there, and turns what changed into events and instruments.
/// </summary>
sealed class EnclaveWatch(EnclaveServerOptions options, EnclaveEvents events, EnclaveEnds ends, EnclaveInstruments instruments) : BackgroundService
{
    const long MiB = 1 << 20;

    readonly Dictionary<string, ObservedEnclave> _running = [];
    readonly HashSet<string> _missing = [];
    readonly CancellationTokenSource _stopping = new();
    readonly SemaphoreSlim _looking = new(1);

    /// <summary>Looks now; returns when what changed has been told.</summary>
    public async Task LookAsync(CancellationToken cancellationToken)
    {
        await _looking.WaitAsync(cancellationToken);
        try
        {
            var described = await options.Registry.DescribeAllAsync(cancellationToken: cancellationToken);
            // One that does not answer now may run on: the next look tells.
            var there = described.Answered.Select(enclave => enclave.EnclaveId).Concat(described.Silent.Select(enclave => enclave.Id));
            foreach (var missing in _running.Keys.Except(there).ToArray())
            {
                // The first time the news of its end may still be on the way.
                if (!_missing.Add(missing))
                {
                    End(_running[missing], "Unknown", "The enclave ended; its process did not say how.");
                }
            }

            var statistics = await Task.WhenAll(described.Answered.Select(enclave => StatisticsAsync(enclave.EnclaveId, cancellationToken)));
            foreach (var (enclave, counted) in described.Answered.Zip(statistics))
            {
                Observe(enclave, counted);
            }

            instruments.Observe([.. _running.Values]);
        }
        catch (EnclaveException)
        {
            // The registry cannot be read now: the next look tells.
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

    void Observe(EnclaveDescription enclave, EnclaveStatistics? statistics)
    {
        var isKnown = _running.TryGetValue(enclave.EnclaveId, out var earlier);
        // While it is being started again it does not run yet.
        var count = enclave.State == "RUNNING" ? enclave.Restarts ?? 0 : earlier?.Restarts ?? 0;
        var observed = new ObservedEnclave(
            enclave.EnclaveId, enclave.EnclaveName, enclave.Engine ?? "unknown", (long)enclave.MemoryMiB * MiB, count, statistics);
        _running[observed.Id] = observed;
        _missing.Remove(observed.Id);
        if (!isKnown)
        {
            instruments.CountStart(observed.Engine);
            events.Publish("started", options.TimeProvider.GetUtcNow(), observed.Id, observed.Name);
            var end = options.Registry.Connect(observed.Id).WaitAsync(_stopping.Token);
            ends.Keep(observed.Id, end);
            _ = AwaitEndAsync(observed, end, _stopping.Token);
        }

        if (observed.Restarts - (earlier?.Restarts ?? 0) is > 0 and var restarts)
        {
            instruments.CountRestarts(observed.Engine, restarts);
            events.Publish("restarted", options.TimeProvider.GetUtcNow(), observed.Id, observed.Name);
        }
    }

    async Task<EnclaveStatistics?> StatisticsAsync(string enclaveId, CancellationToken cancellationToken)
    {
        try
        {
            return await options.Registry.Connect(enclaveId).GetStatisticsAsync(cancellationToken);
        }
        catch (EnclaveException)
        {
            // It has just ended, or an older program owns it.
            return null;
        }
    }

    // The enclave's process says how it ended, where it lives to say it; if it was killed, the next look finds the enclave missing.
    async Task AwaitEndAsync(ObservedEnclave enclave, Task<EnclaveEnd> ending, CancellationToken cancellationToken)
    {
        try
        {
            var end = await ending;
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
        instruments.CountEnd(kind);
        events.Publish("ended", options.TimeProvider.GetUtcNow(), enclave.Id, enclave.Name, explanation);
    }
}
