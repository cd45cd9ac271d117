using System.Diagnostics;
using System.Diagnostics.Metrics;
using NitroEnclaves.Enclaves;

namespace NitroEnclaves.Serve;

/// <summary>
/// What can be measured and traced of this server, for any exporter that listens to <see cref="Name"/>: instruments by
/// System.Diagnostics.Metrics, spans of starts and terminations by an ActivitySource.
/// </summary>
sealed class EnclaveInstruments : IDisposable
{
    /// <summary>The name of the meter and of the activity source.</summary>
    public const string Name = "NitroEnclaves.Serve";

    readonly Counter<long> _starts;
    readonly Counter<long> _restarts;
    readonly Counter<long> _ends;

    // A snapshot; replaced, never changed.
    volatile IReadOnlyList<ObservedEnclave> _enclaves = [];

    public EnclaveInstruments()
    {
        _starts = Meter.CreateCounter<long>("nitro.enclave.starts", "{enclave}", "Enclaves that have started since this server did.");
        _restarts = Meter.CreateCounter<long>("nitro.enclave.restarts", "{enclave}", "Starts by a restart policy, after an enclave's program or engine had ended.");
        _ends = Meter.CreateCounter<long>("nitro.enclave.ends", "{enclave}", "Enclaves that have ended, by how.");
        Meter.CreateObservableGauge("nitro.enclave.running", CountRunning, "{enclave}", "Enclaves that run now, by engine.");
        Meter.CreateObservableGauge(
            "nitro.enclave.memory", () => _enclaves.Select(enclave => new Measurement<long>(enclave.MemoryBytes, enclave.Tags)), "By", "Memory of a running enclave.");
        Meter.CreateObservableCounter("nitro.enclave.vsock", CountVsock, "By", "Payload bytes over a running enclave's emulated vsock, since it was last started.");
        Meter.CreateObservableCounter("nitro.enclave.nsm.requests", CountNsm, "{request}", "Requests of a running enclave to its emulated NSM.");
    }

    /// <summary>The instruments.</summary>
    public Meter Meter { get; } = new(Name);

    /// <summary>Spans of the operations.</summary>
    public ActivitySource Activities { get; } = new(Name);

    /// <summary>Does something within a span, which says whether it failed and why.</summary>
    /// <param name="operation">The span's name.</param>
    /// <param name="work">What is done; gets the span, or null where nobody listens.</param>
    public async Task<T> TraceAsync<T>(string operation, Func<Activity?, Task<T>> work)
    {
        using var activity = Activities.StartActivity(operation);
        try
        {
            return await work(activity);
        }
        catch (Exception exception)
        {
            activity?.SetStatus(ActivityStatusCode.Error, exception.Message);
            activity?.SetTag("error.type", exception is EnclaveException failure ? failure.Failure.ToString() : exception.GetType().Name);
            throw;
        }
    }

    public void Observe(IReadOnlyList<ObservedEnclave> enclaves) => _enclaves = enclaves;

    public void CountStart(string engine) => _starts.Add(1, new KeyValuePair<string, object?>("engine", engine));

    public void CountRestarts(string engine, int count) => _restarts.Add(count, new KeyValuePair<string, object?>("engine", engine));

    public void CountEnd(string kind) => _ends.Add(1, new KeyValuePair<string, object?>("kind", kind));

    public void Dispose()
    {
        Meter.Dispose();
        Activities.Dispose();
    }

    IEnumerable<Measurement<long>> CountVsock() =>
        from enclave in _enclaves
        where enclave.Statistics is { Vsock: not null }
        let traffic = enclave.Statistics!.Vsock!.Value
        from direction in new[] { (Name: "from", Bytes: traffic.BytesFromEnclave), (Name: "to", Bytes: traffic.BytesToEnclave) }
        select new Measurement<long>(direction.Bytes, [.. enclave.Tags, new("direction", direction.Name)]);

    IEnumerable<Measurement<long>> CountNsm() =>
        from enclave in _enclaves
        from requests in enclave.Statistics?.NsmRequests ?? new Dictionary<string, long>()
        select new Measurement<long>(requests.Value, [.. enclave.Tags, new("operation", requests.Key)]);

    IEnumerable<Measurement<long>> CountRunning() => _enclaves.CountBy(enclave => enclave.Engine)
        .Select(engine => new Measurement<long>(engine.Value, new KeyValuePair<string, object?>("engine", engine.Key)));
}
