using System.Diagnostics;
using System.Diagnostics.Metrics;

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
        _restarts = Meter.CreateCounter<long>("nitro.enclave.restarts", "{enclave}", "Enclaves that have started under the name of one that had ended.");
        _ends = Meter.CreateCounter<long>("nitro.enclave.ends", "{enclave}", "Enclaves that have ended, by how.");
        Meter.CreateObservableGauge("nitro.enclave.running", CountRunning, "{enclave}", "Enclaves that run now, by engine.");
        Meter.CreateObservableGauge(
            "nitro.enclave.memory", () => _enclaves.Select(enclave => new Measurement<long>(enclave.MemoryBytes, enclave.Tags)), "By", "Memory of a running enclave.");
    }

    /// <summary>The instruments.</summary>
    public Meter Meter { get; } = new(Name);

    /// <summary>Spans of the operations.</summary>
    public ActivitySource Activities { get; } = new(Name);

    public void Observe(IReadOnlyList<ObservedEnclave> enclaves) => _enclaves = enclaves;

    public void CountStart(string engine, bool again)
    {
        _starts.Add(1, new KeyValuePair<string, object?>("engine", engine));
        if (again)
        {
            _restarts.Add(1, new KeyValuePair<string, object?>("engine", engine));
        }
    }

    public void CountEnd(string kind) => _ends.Add(1, new KeyValuePair<string, object?>("kind", kind));

    public void Dispose()
    {
        Meter.Dispose();
        Activities.Dispose();
    }

    IEnumerable<Measurement<long>> CountRunning() => _enclaves.CountBy(enclave => enclave.Engine)
        .Select(engine => new Measurement<long>(engine.Value, new KeyValuePair<string, object?>("engine", engine.Key)));
}
