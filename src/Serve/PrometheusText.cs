using System.Collections.Concurrent;
using System.Diagnostics.Metrics;
using System.Globalization;
using System.Text;

namespace NitroEnclaves.Serve;

/// <summary>
/// The instruments of <see cref="EnclaveInstruments"/> in Prometheus's text format, version 0.0.4. Counters are summed up from the start of
/// the server; what is observed is observed at each collection.
/// </summary>
sealed class PrometheusText : IDisposable
{
    public const string ContentType = "text/plain; version=0.0.4; charset=utf-8";

    readonly MeterListener _listener = new();
    readonly ConcurrentDictionary<(Instrument Instrument, string Labels), long> _sums = new();
    readonly Lock _collecting = new();
    readonly ConcurrentDictionary<string, Instrument> _instruments = new(StringComparer.Ordinal);
    Dictionary<(Instrument Instrument, string Labels), long> _observed = [];

    /// <param name="meter">The meter whose instruments are written.</param>
    public PrometheusText(Meter meter)
    {
        _listener.InstrumentPublished = (instrument, listener) =>
        {
            if (instrument.Meter == meter)
            {
                _instruments.TryAdd(instrument.Name, instrument);
                listener.EnableMeasurementEvents(instrument);
            }
        };
        _listener.SetMeasurementEventCallback<long>((instrument, value, tags, _) => Take(instrument, value, tags));
        _listener.Start();
    }

    /// <summary>The text of all instruments, in the order of their names.</summary>
    public string Collect()
    {
        lock (_collecting)
        {
            _observed = [];
            _listener.RecordObservableInstruments();
            var text = new StringBuilder();
            foreach (var instrument in _instruments.Values.OrderBy(instrument => instrument.Name, StringComparer.Ordinal))
            {
                Write(text, instrument);
            }

            return text.ToString();
        }
    }

    public void Dispose() => _listener.Dispose();

    void Write(StringBuilder text, Instrument instrument)
    {
        var isCounter = instrument is Counter<long> or ObservableCounter<long>;
        var name = instrument.Name.Replace('.', '_') + (instrument.Unit == "By" ? "_bytes" : "") + (isCounter ? "_total" : "");
        text.Append(CultureInfo.InvariantCulture, $"# HELP {name} {instrument.Description}\n# TYPE {name} {(isCounter ? "counter" : "gauge")}\n");
        var values = instrument.IsObservable ? (IEnumerable<KeyValuePair<(Instrument Instrument, string Labels), long>>)_observed : _sums;
        foreach (var ((_, labels), value) in values.Where(value => value.Key.Instrument == instrument).OrderBy(value => value.Key.Labels, StringComparer.Ordinal))
        {
            text.Append(CultureInfo.InvariantCulture, $"{name}{labels} {value}\n");
        }
    }

    void Take(Instrument instrument, long value, ReadOnlySpan<KeyValuePair<string, object?>> tags)
    {
        var key = (instrument, Labels(tags));
        if (instrument.IsObservable)
        {
            _observed[key] = value;
        }
        else
        {
            _sums.AddOrUpdate(key, value, (_, sum) => sum + value);
        }
    }

    static string Labels(ReadOnlySpan<KeyValuePair<string, object?>> tags)
    {
        if (tags.IsEmpty)
        {
            return "";
        }

        var text = new StringBuilder("{");
        foreach (var (name, value) in tags)
        {
            text.Append(text.Length > 1 ? "," : "").Append(name).Append("=\"").Append(Escaped($"{value}")).Append('"');
        }

        return text.Append('}').ToString();
    }

    // An enclave's name is whatever its owner chose.
    static string Escaped(string value) => value.Replace("\\", @"\\", StringComparison.Ordinal).Replace("\"", "\\\"", StringComparison.Ordinal).Replace("\n", @"\n", StringComparison.Ordinal);
}
