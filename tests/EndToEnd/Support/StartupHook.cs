using System.Diagnostics;
using System.Diagnostics.Metrics;

/// <summary>
/// An exporter that is attached to a program from outside, as OpenTelemetry's is (DOTNET_STARTUP_HOOKS): it writes each span and each
/// measurement to the file that <c>TEST_EXPORT</c> names. The runtime looks for this name outside of any namespace.
/// </summary>
static class StartupHook
{
    static readonly Lock s_lock = new();
    static readonly string? s_path = Environment.GetEnvironmentVariable("TEST_EXPORT");
    static readonly MeterListener s_meters = new();
    static Timer? s_timer;

    /// <summary>Called by the runtime before the program's own start.</summary>
    public static void Initialize()
    {
        ActivitySource.AddActivityListener(new ActivityListener
        {
            ShouldListenTo = source => source.Name.StartsWith("NitroEnclaves", StringComparison.Ordinal),
            Sample = (ref ActivityCreationOptions<ActivityContext> _) => ActivitySamplingResult.AllDataAndRecorded,
            ActivityStopped = span => Write($"span {span.OperationName} {span.Status} {Text(span.TagObjects)}"),
        });
        s_meters.InstrumentPublished = (instrument, listener) =>
        {
            if (instrument.Meter.Name.StartsWith("NitroEnclaves", StringComparison.Ordinal))
            {
                listener.EnableMeasurementEvents(instrument);
            }
        };
        s_meters.SetMeasurementEventCallback<long>((instrument, value, tags, _) => Write($"measurement {instrument.Name} {value} {Text(tags.ToArray())}"));
        s_meters.Start();
        s_timer = new Timer(_ => s_meters.RecordObservableInstruments(), null, 100, 100);
    }

    static string Text(IEnumerable<KeyValuePair<string, object?>> tags) => string.Join(' ', tags.Select(tag => $"{tag.Key}={tag.Value}"));

    static void Write(string line)
    {
        lock (s_lock)
        {
            File.AppendAllText(s_path!, line + "\n");
        }
    }
}
