using OpenTelemetry;
using OpenTelemetry.Metrics;
using OpenTelemetry.Resources;
using OpenTelemetry.Trace;

namespace NitroEnclaves.Serve;

/// <summary>
/// Sends the server's metrics and spans to an OpenTelemetry collector, where the environment names one, by the variables of OpenTelemetry's
/// specification (<c>OTEL_EXPORTER_OTLP_ENDPOINT</c>, <c>OTEL_EXPORTER_OTLP_PROTOCOL</c>, <c>OTEL_SERVICE_NAME</c> and their like). A collector that
/// cannot be reached is no failure of the server.
/// </summary>
sealed class OpenTelemetryExport : IDisposable
{
    const string Endpoint = "OTEL_EXPORTER_OTLP_ENDPOINT";
    const string MetricsEndpoint = "OTEL_EXPORTER_OTLP_METRICS_ENDPOINT";
    const string TracesEndpoint = "OTEL_EXPORTER_OTLP_TRACES_ENDPOINT";

    readonly MeterProvider? _metrics;
    readonly TracerProvider? _spans;

    OpenTelemetryExport(MeterProvider? metrics, TracerProvider? spans) => (_metrics, _spans) = (metrics, spans);

    /// <summary>Begins to send what the environment asks for, which may be nothing.</summary>
    public static OpenTelemetryExport Start() => new(
        IsAsked(MetricsEndpoint) ? Sdk.CreateMeterProviderBuilder().SetResourceBuilder(Resource()).AddMeter(EnclaveInstruments.Name).AddOtlpExporter().Build() : null,
        IsAsked(TracesEndpoint) ? Sdk.CreateTracerProviderBuilder().SetResourceBuilder(Resource()).AddSource(EnclaveInstruments.Name).AddOtlpExporter().Build() : null);

    /// <summary>Sends what has not been sent yet, and ends.</summary>
    public void Dispose()
    {
        _spans?.Dispose();
        _metrics?.Dispose();
    }

    static bool IsAsked(string endpoint) =>
        Environment.GetEnvironmentVariable(endpoint) is { Length: > 0 } || Environment.GetEnvironmentVariable(Endpoint) is { Length: > 0 };

    // What the environment says of the service comes last, and holds.
    static ResourceBuilder Resource() => ResourceBuilder.CreateEmpty().AddService("nitro-serve").AddTelemetrySdk().AddEnvironmentVariableDetector();
}
